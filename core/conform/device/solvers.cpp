// Rule N4: every installed solver on a device, against the host device.
#include <fmt/format.h>

#include "core/conform/fitting.hpp"
#include "core/conform/parts.hpp"
#include "core/conform/solver/subject.hpp"

namespace dlrun::conform {
namespace {

void check_numbers(const Ground& ground, const Ground& host, const SolverCase& c, uint32_t dtype) {
  const memory::Device& device = *ground.devices.primary;
  if (dtype == DLR_F64 && device.info().float64 == 0) decline("the device has no float64");
  const double relative = dtype == DLR_F64 ? 1e-9 : 1e-4;
  const double absolute = dtype == DLR_F64 ? 1e-10 : 1e-5;
  for (const Shape& shape : {Shape{5, 3, 7}, {1}, {4099}}) {
    const std::vector<Values> found = SolverSubject(ground, c, dtype).train(shape);
    const std::vector<Values> expected = SolverSubject(host, c, dtype).train(shape);
    for (std::size_t i = 0; i < expected.size(); ++i)
      require_close(found.at(i), expected[i], relative, absolute,
                    fmt::format("of shape {}, tensor {}", shape.text(), i));
  }
}

}  // namespace

void check_device_solvers(const Ground& ground, const Ground& host,
                          const std::vector<CaseText>& texts, Runner& runner) {
  runner.rung("solvers");
  for (const std::string& type : ground.catalogue.names("solver")) {
    std::vector<SolverCase> cases = solver_cases(texts, type);
    if (cases.empty())
      cases = fitting(default_solver_cases(type), "N4", type, runner,
                      [&](const SolverCase& c) { SolverSubject(host, c, DLR_F32); });
    for (const SolverCase& c : cases) {
      for (const uint32_t dtype : {DLR_F32, DLR_F64})
        runner.check("N4", fmt::format("{}, float{}", c.text(), dtype & 0xFF),
                     [&] { check_numbers(ground, host, c, dtype); });
    }
  }
}

}  // namespace dlrun::conform
