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
  for (const Shape& shape : {Shape{5, 3, 7}, {1}, {4099}, {100003}}) {
    const std::vector<Values> found = SolverSubject(ground, c, dtype).train(shape);
    const std::vector<Values> expected = SolverSubject(host, c, dtype).train(shape);
    for (std::size_t i = 0; i < expected.size(); ++i)
      require_close(found.at(i), expected[i], relative, absolute,
                    fmt::format("of shape {}, tensor {}", shape.text(), i));
  }
}

// Cases of one type, or default ones.
std::vector<SolverCase> cases_of(const Ground& host, const std::string& type,
                                 const std::vector<CaseText>& texts, Runner& runner) {
  std::vector<SolverCase> cases = solver_cases(texts, type);
  if (!cases.empty()) return cases;
  return fitting(default_solver_cases(type), "N4", type, runner,
                 [&](const SolverCase& c) { SolverSubject(host, c, DLR_F32); });
}

}  // namespace

void check_solver_on_device(const Ground& ground, const Ground& host, const std::string& type,
                            const std::vector<CaseText>& texts, Runner& runner) {
  for (const SolverCase& c : cases_of(host, type, texts, runner)) {
    for (const uint32_t dtype : {DLR_F32, DLR_F64})
      runner.check("N4", fmt::format("{}, float{}{}", c.text(), dtype & 0xFF, ground.label),
                   [&] { check_numbers(ground, host, c, dtype); });
  }
}

void check_device_solvers(const Ground& ground, const Ground& host,
                          const std::vector<CaseText>& texts, Runner& runner) {
  runner.rung("solvers");
  for (const std::string& type : ground.catalogue.names("solver"))
    check_solver_on_device(ground, host, type, texts, runner);
}

}  // namespace dlrun::conform
