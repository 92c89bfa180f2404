// Rules N: every installed layer on a device, against the host device.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/conform/fitting.hpp"
#include "core/conform/layer/subject.hpp"
#include "core/conform/leaks.hpp"
#include "core/conform/parts.hpp"
#include "core/memory/device.hpp"

namespace dlrun::conform {
namespace {

bool is_plain_on(memory::Device& place, const dlr_tensor& tensor) {
  memory::Residence plain{&place, tensor.desc};
  plain.desc.layout = DLR_LAYOUT_PLAIN;
  return tensor.buffer->is_current(plain);
}

// Whether the device has it in a memory or a layout of its own.
bool is_on(memory::Device& device, const dlr_tensor& tensor) {
  const dlr_tensor_desc* layout = nullptr;
  return (!device.works_in_host_memory() && is_plain_on(device, tensor)) ||
         tensor.buffer->current_private(device, &layout, 1) > 0;
}

struct Blob {
  std::string name;
  dlr_tensor* tensor;
  bool is_set_by_host;  // before the pass, and by nobody else
};

// All values, gradients and parameters of a net.
std::vector<Blob> blobs_of(Subject& subject) {
  net::Net& net = subject.net();
  std::vector<Blob> blobs;
  const auto add = [&](const std::string& name, dlr_tensor& tensor, bool is_set_by_host) {
    if (tensor.buffer != nullptr) blobs.push_back({name, &tensor, is_set_by_host});
  };
  for (const auto& value : net.values()) {
    const net::Stage& maker = *net.stages()[static_cast<std::size_t>(value->producer)];
    const bool is_input = maker.bottoms.empty() && &maker != &subject.stage();
    add("value '" + value->name + "'", value->data, is_input);
    add("gradient of '" + value->name + "'", value->gradient, false);
  }
  for (const auto& param : net.params()) {
    add(fmt::format("parameter {}", param->index), param->data, !param->is_state);
    add(fmt::format("gradient of parameter {}", param->index), param->gradient, false);
  }
  return blobs;
}

// Takes every value, gradient and parameter off the device, so that the next layer has to put it
// back. Counts the copies of each.
class Evictor : public net::StageObserver, public memory::MoveObserver {
 public:
  Evictor(Subject& subject, memory::Device& device)
      : net_(subject.net()), device_(device), blobs_(blobs_of(subject)) {
    net_.observe(this);
    net_.observe_moves(this);
  }
  ~Evictor() override {
    net_.observe(nullptr);
    net_.observe_moves(nullptr);
  }
  void before(std::size_t, bool) override { evict_all(); }
  void after(std::size_t, bool) override { evict_all(); }
  void moved(const memory::Buffer& buffer, memory::MoveKind kind, uint64_t) override {
    ++moves_[{&buffer, kind}];
  }

  // In a run that left it there, blob `index` was on the device in the end: so here it was taken
  // off, by a copy unless it held zeros that nobody wrote, and what the host set came back by one.
  void require_moved(std::size_t index) const {
    const Blob& blob = blobs_.at(index);
    const auto times = [&](memory::MoveKind kind) {
      const auto found = moves_.find({blob.tensor->buffer, kind});
      return found == moves_.end() ? 0 : found->second;
    };
    const int back = times(memory::MoveKind::kToDevice);
    const int off = times(memory::MoveKind::kToHost);
    const bool was_there = evicted_.count(blob.tensor) > 0;
    if (was_there && (blob.is_set_by_host ? back : back + off) > 0) return;
    fail(fmt::format("{}: {} the device, {} copies to the host, {} to the device", blob.name,
                     was_there ? "taken off" : "never on", off, back),
         "copies off the device, and back to it, between layers");
  }

 private:
  void evict(const std::string& name, dlr_tensor& tensor) {
    if (is_on(device_, tensor)) evicted_.insert(&tensor);
    const Values values = values_of(net_, tensor);
    set_values(net_, tensor, values);
    if (is_on(device_, tensor)) fail(name + " is still on the device", "in host memory alone");
  }
  void evict_all() {
    for (const Blob& blob : blobs_)
      evict(blob.name, *blob.tensor);
  }

  net::Net& net_;
  memory::Device& device_;
  const std::vector<Blob> blobs_;
  std::set<const dlr_tensor*> evicted_;
  std::map<std::pair<const memory::Buffer*, memory::MoveKind>, int> moves_;
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

void compare_runs(const Ground& ground, const Ground& host, const LayerCase& c, uint32_t dtype) {
  const SubjectOptions options = options_for(*ground.devices.primary, dtype);
  Subject found(ground, c, options);
  Subject expected(host, c, options);
  run(found);
  run(expected);
  compare(found, expected, dtype);
}

// In phase TEST a layer may go another way, and operators without a backward too.
void check_numbers(const Ground& ground, const Ground& host, const LayerCase& c, uint32_t dtype) {
  compare_runs(ground, host, c, dtype);
  try {
    compare_runs(ground, host, in_test(c), dtype);
  } catch (const Failure& failure) {
    fail("in phase TEST: " + failure.found, failure.expected);
  }
}

void check_residency(const Ground& ground, const LayerCase& c, uint32_t dtype) {
  const SubjectOptions options = options_for(*ground.devices.primary, dtype);
  Subject left(ground, c, options);
  Subject moved(ground, c, options);
  memory::Device& device = *ground.devices.primary;
  run(left);
  const auto blobs = blobs_of(left);
  Evictor evictor(moved, device);
  run(moved);
  for (std::size_t i = 0; i < blobs.size() && !device.works_in_host_memory(); ++i) {
    const dlr_tensor& blob = *blobs[i].tensor;
    if (memory::element_count(blob.desc) > 0 && is_on(device, blob)) evictor.require_moved(i);
  }
  compare(moved, left, dtype);
}

std::string name_of(const Ground& ground, const LayerCase& c, uint32_t dtype) {
  return fmt::format("{}: {}, float{}{}", c.layer, c.name, dtype & 0xFF, ground.label);
}

// Why the layer itself refuses the case, whatever the device; "" when it doesn't.
std::string refusal(const Ground& host, const LayerCase& c) {
  try {
    Subject(host, c);
    return "";
  } catch (const base::Error& error) {
    return error.code() == base::ExitCode::kWrongInput ? error.what() : "";
  }
}

// Declines a case that is at fault itself; those of a net stood in it.
bool is_refused(const Ground& ground, const Ground& host, const LayerCase& c, Runner& runner) {
  if (c.is_of_net) return false;
  const std::string why = refusal(host, c);
  if (!why.empty())
    runner.check("N1", name_of(ground, c, DLR_F32), [&] { decline("no case for it: " + why); });
  return !why.empty();
}

std::vector<LayerCase> default_cases_that_fit(const Ground& host, const std::string& layer,
                                              Runner& runner) {
  return fitting(default_cases(host, layer), "N1", layer, runner,
                 [&](const LayerCase& tried) { Subject(host, tried); });
}

// Of installed types that no case is of.
std::vector<LayerCase> cases_of_others(const Ground& host, const std::vector<LayerCase>& cases,
                                       Runner& runner) {
  std::vector<LayerCase> others;
  for (const std::string& layer : host.catalogue.names("layer")) {
    if (std::any_of(cases.begin(), cases.end(),
                    [&](const LayerCase& each) { return each.layer == layer; }))
      continue;
    try {
      for (LayerCase& each : default_cases_that_fit(host, layer, runner))
        others.push_back(std::move(each));
    } catch (const base::Error& error) {  // somebody else's plugin that can't be opened
      const std::string why = error.what();
      runner.check("N1", layer + ": plugin", [&] { decline(why); });
    }
  }
  return others;
}

}  // namespace

void check_layer_on_device(const Ground& ground, const Ground& host,
                           const std::vector<LayerCase>& cases, const std::string& only,
                           Runner& runner) {
  std::vector<LayerCase> own = cases_of_layer(cases, only);
  if (own.empty()) own = default_cases_that_fit(host, only, runner);
  for (const LayerCase& c : own) {
    for (const uint32_t dtype : {DLR_F32, DLR_F64})
      runner.check("N1", name_of(ground, c, dtype), [&] { check_numbers(ground, host, c, dtype); });
  }
}

void check_device_layers(const Ground& ground, const Ground& host, std::vector<LayerCase> cases,
                         bool all_installed, Runner& runner) {
  runner.rung("layers");
  if (all_installed) {
    const std::vector<LayerCase> others = cases_of_others(host, cases, runner);
    cases.insert(cases.end(), others.begin(), others.end());
  }
  const LayerCase* last = nullptr;
  for (const LayerCase& c : cases) {
    if (!ground.catalogue.has("layer", c.layer) || is_refused(ground, host, c, runner)) continue;
    for (const uint32_t dtype : {DLR_F32, DLR_F64}) {
      const std::string name = name_of(ground, c, dtype);
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
