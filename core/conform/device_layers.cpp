// Rules N: every installed layer on a device, against the host device.
#include <fmt/format.h>

#include "core/conform/layer_subject.hpp"
#include "core/conform/leaks.hpp"
#include "core/conform/parts.hpp"
#include "core/memory/device.hpp"

namespace dlrun::conform {
namespace {

// Takes every value, gradient and parameter off the device, so that the next layer has to put it
// back.
class Evictor : public net::StageObserver {
 public:
  explicit Evictor(net::Net& net) : net_(net) {}
  void before(std::size_t, bool) override { evict_all(); }
  void after(std::size_t, bool) override { evict_all(); }

 private:
  void evict(dlr_tensor& tensor) {
    if (tensor.buffer != nullptr) set_values(net_, tensor, values_of(net_, tensor));
  }
  void evict_all() {
    for (const auto& value : net_.values()) {
      evict(value->data);
      evict(value->gradient);
    }
    for (const auto& param : net_.params()) {
      evict(param->data);
      evict(param->gradient);
    }
  }
  net::Net& net_;
};

void compare(Subject& found, Subject& expected, uint32_t dtype) {
  const double relative = dtype == DLR_F64 ? 1e-9 : 1e-4;
  const double absolute = dtype == DLR_F64 ? 1e-10 : 1e-5;
  const auto compare_all = [&](const std::vector<Values>& a, const std::vector<Values>& b,
                               const char* what) {
    for (std::size_t i = 0; i < b.size(); ++i)
      require_close(a.at(i), b[i], relative, absolute, fmt::format("{} {}", what, i));
  };
  compare_all(found.outputs(), expected.outputs(), "top");
  compare_all(found.gradients(), expected.gradients(), "gradient");
}

void run(Subject& subject) {
  subject.forward();
  subject.backward();
}

// Devices without kernels run the operators that they have, the rest is the host's.
SubjectOptions options_for(const memory::Device& device, uint32_t dtype) {
  if (dtype == DLR_F64 && device.info().float64 == 0) decline("the device has no float64");
  SubjectOptions options;
  options.dtype = dtype;
  if (!device.has_kernels()) options.fallback = net::Fallback::kAllow;
  return options;
}

void check_numbers(const Ground& ground, const Ground& host, const LayerCase& c, uint32_t dtype) {
  const SubjectOptions options = options_for(*ground.devices.primary, dtype);
  Subject found(ground, c, options);
  Subject expected(host, c, options);
  run(found);
  run(expected);
  compare(found, expected, dtype);
}

void check_residency(const Ground& ground, const LayerCase& c, uint32_t dtype) {
  const SubjectOptions options = options_for(*ground.devices.primary, dtype);
  Subject left(ground, c, options);
  Subject moved(ground, c, options);
  Evictor evictor(moved.net());
  moved.net().observe(&evictor);
  run(left);
  run(moved);
  compare(moved, left, dtype);
}

}  // namespace

void check_device_layers(const Ground& ground, const Ground& host,
                         const std::vector<LayerCase>& cases, Runner& runner) {
  runner.rung("layers");
  const LayerCase* last = nullptr;
  for (const LayerCase& c : cases) {
    if (!ground.catalogue.has("layer", c.layer)) continue;
    for (const uint32_t dtype : {DLR_F32, DLR_F64}) {
      const std::string name = fmt::format("{}: {}, float{}", c.layer, c.name, dtype & 0xFF);
      runner.check("N1", name, [&] { check_numbers(ground, host, c, dtype); }) &&
          runner.check("N2", name, [&] { check_residency(ground, c, dtype); });
    }
    if (c.is_of_net) continue;  // what stays behind is checked with small cases
    if (last == nullptr || last->layer != c.layer) {  // one case of each type is enough
      runner.check("N3", fmt::format("{}: {}", c.layer, c.name), [&] {
        require_no_leak(
            [&] {
              Subject subject(ground, c, options_for(*ground.devices.primary, DLR_F32));
              run(subject);
            },
            3);
      });
    }
    last = &c;
  }
}

}  // namespace dlrun::conform
