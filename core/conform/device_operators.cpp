// Rules O and Y: operators against their formulas, and the private layouts that their plans choose.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/conform/device_checks.hpp"
#include "core/conform/leaks.hpp"
#include "core/conform/operator_reference.hpp"
#include "core/conform/operator_run.hpp"
#include "core/conform/parts.hpp"
#include "core/host/error.hpp"
#include "core/memory/device.hpp"

namespace dlrun::conform {
namespace {

std::vector<Values> first_values(const OperatorCase& operator_case, uint64_t stream) {
  std::vector<Values> values;
  for (std::size_t i = 0; i < operator_case.tensors.size(); ++i) {
    values.push_back(
        spread_values(static_cast<std::size_t>(operator_case.tensors[i].count()), stream + i));
    const auto& positive = operator_case.positive;
    if (std::count(positive.begin(), positive.end(), static_cast<int>(i)) == 0) continue;
    for (double& value : values.back())
      value = 0.5 + std::abs(value);
  }
  return values;
}

// A step of a case on a device; and before it, over the same reserve, the forward that it goes
// with.
class StepRun {
 public:
  StepRun(RawDevice& device, const OperatorCase& operator_case, std::size_t step, uint32_t dtype,
          bool accumulate)
      : device_(device), case_(operator_case), step_(operator_case.steps[step]) {
    if (step > 0 && step_.integer("pair", -1) >= 0)
      forward_ = std::make_unique<OperatorRun>(device, case_, case_.steps[0], dtype);
    run_ = std::make_unique<OperatorRun>(device, case_, step_, dtype, accumulate);
    run_->allocate();
    if (forward_) forward_->allocate();
    const uint64_t bytes =
        std::max(run_->reserve_bytes(), forward_ ? forward_->reserve_bytes() : 0);
    if (bytes > 0) reserve_ = allocate_poisoned(device_, bytes);
  }

  OperatorRun& run() { return *run_; }

  // Runs on values of a stream; expected() then are the formula's.
  // The workspace holds NaN, or what a byte says.
  void compute(uint64_t stream, unsigned char workspace = 0xFF) {
    std::vector<Values> values = first_values(case_, stream);
    for (const OperatorStep& each : case_.steps) {
      if (&each == &step_) break;
      compute_reference(case_, each, values);
    }
    if (forward_) forward_->run(values, reserve_, workspace);
    run_->run(values, reserve_, workspace);
    std::vector<Values> after = values;
    compute_reference(case_, step_, after);
    expected_.clear();
    found_.clear();
    for (const int output : step_.outputs) {
      const auto tensor = static_cast<std::size_t>(step_.args[static_cast<std::size_t>(output)]);
      expected_.push_back(after[tensor]);
      if (run_->adds() && !step_.adds) {
        for (std::size_t i = 0; i < values[tensor].size(); ++i)
          expected_.back()[i] += values[tensor][i];
      }
      found_.push_back(run_->found(output));
    }
  }

  void require_written() const {
    for (std::size_t i = 0; i < found_.size(); ++i) {
      const auto unwritten = std::find_if(found_[i].begin(), found_[i].end(),
                                          [](double value) { return std::isnan(value); });
      if (unwritten == found_[i].end()) continue;
      fail(fmt::format("output {}: element {} of {} still holds NaN", i,
                       unwritten - found_[i].begin(), found_[i].size()),
           "a number in every element");
    }
  }

  void require_right(uint32_t dtype) const {
    for (std::size_t i = 0; i < found_.size(); ++i)
      require_close(found_[i], expected_[i], dtype == DLR_F64 ? 1e-11 : 1e-4,
                    dtype == DLR_F64 ? 1e-12 : 1e-6, fmt::format("output {}", i));
  }

  void require_within() {
    run_->require_within_workspace();
    if (forward_) forward_->require_within_workspace();
    if (reserve_.bytes > 0) require_canary(device_, reserve_, reserve_.bytes, "the reserve");
  }

  // Right with zeros in the workspace, and otherwise with what happens to lie there?
  void require_own_workspace(uint64_t stream, uint32_t dtype) {
    if (!run_->has_workspace() || is_right(dtype)) return;
    compute(stream, 0);
    const bool needs_zeros = is_right(dtype);
    compute(stream);
    if (needs_zeros)
      fail("right with zeros in the workspace, wrong with NaN", "the same whatever lies there");
  }

  const std::vector<Values>& found() const { return found_; }

 private:
  bool is_right(uint32_t dtype) const {
    try {
      require_right(dtype);
      return true;
    } catch (const Failure&) {
      return false;
    }
  }

  RawDevice& device_;
  const OperatorCase& case_;
  const OperatorStep& step_;
  std::unique_ptr<OperatorRun> forward_;
  std::unique_ptr<OperatorRun> run_;
  dlr_mem reserve_{};
  std::vector<Values> expected_;
  std::vector<Values> found_;
};

// Two plans of one operator in turn; the second lives on when the first is gone.
void check_independence(RawDevice& device, const OperatorCase& first_case,
                        const OperatorCase& second_case, std::size_t step) {
  auto first = std::make_unique<StepRun>(device, first_case, step, DLR_F32, false);
  StepRun second(device, second_case, step, DLR_F32, false);
  const StepRun third(device, first_case, step, DLR_F32, false);
  for (uint64_t round = 0; round < 2; ++round) {
    first->compute(700 + round);
    first->require_right(DLR_F32);
    second.compute(800 + round);
    second.require_right(DLR_F32);
  }
  first.reset();
  second.compute(900);
  second.require_right(DLR_F32);
}

// One small case of each operator is planned, run and destroyed again and again.
void check_plan_leaks(const dlr_device_type& type, const OperatorCase& operator_case,
                      std::size_t step) {
  require_no_leak([&] {
    RawDevice device(type);
    StepRun(device, operator_case, step, DLR_F32, false).compute(400);
  });
}

// Everything about one operator in one element type; collects the layouts that its plan chose.
// Whether it ran, and right.
bool check_step(RawDevice& device, const OperatorCase& operator_case, std::size_t step,
                uint32_t dtype, std::vector<dlr_tensor_desc>& layouts, Runner& runner) {
  const OperatorStep& what = operator_case.steps[step];
  const std::string name =
      fmt::format("{} in {}, float{}", what.op, operator_case.name, dtype & 0xFF);
  std::unique_ptr<StepRun> run;
  constexpr uint64_t kFirst = 400;
  constexpr uint64_t kOther = 500;
  runner.rung("operators");
  const bool ran = runner.check("O2", name, [&] {
    run = std::make_unique<StepRun>(device, operator_case, step, dtype, false);
    run->compute(kFirst);
  });
  if (!ran || run == nullptr) return false;
  const bool is_right =
      runner.check("O10", name,
                   [&] {
                     run->require_within();
                     run->require_own_workspace(kFirst, dtype);
                   }) &&
      runner.check("O3", name, [&] { run->require_written(); }) &&
      runner.check("O5", name, [&] { run->run().require_untouched(); }) &&
      runner.check(what.adds ? "O4" : "O1", name, [&] { run->require_right(dtype); }) &&
      runner.check("O6", name, [&] {
        const std::vector<Values> first = run->found();
        run->compute(kOther);
        run->require_right(dtype);
        run->compute(kFirst);
        require_same_bits(run->found(), first, "the first values again, output");
      });
  if (!is_right) return false;
  if (!what.adds) {
    runner.check("O4", name + ", accumulate", [&] {
      StepRun adding(device, operator_case, step, dtype, true);
      adding.compute(kFirst);
      adding.require_right(dtype);
    });
  }
  const std::vector<dlr_tensor_desc> chosen = run->run().private_layouts();
  if (chosen.empty()) return true;
  runner.rung("layouts");
  runner.check("Y2", name, [&] { run->run().require_clean_padding(); });
  for (const dlr_tensor_desc& layout : chosen) {
    if (memory::element_count(layout) == 0) continue;  // nothing to reorder
    if (std::none_of(layouts.begin(), layouts.end(), [&](const dlr_tensor_desc& known) {
          return known.layout == layout.layout && memory::same_shape(known, layout);
        }))
      layouts.push_back(layout);
  }
  return true;
}

void check_round_trip(RawDevice& device, const dlr_tensor_desc& layout) {
  dlr_tensor_desc plain = layout;
  plain.layout = DLR_LAYOUT_PLAIN;
  const uint64_t bytes = memory::plain_bytes(layout);
  const dlr_mem from = device.allocate(bytes);
  const dlr_mem between = device.allocate(layout_bytes(device, layout));
  const dlr_mem to = device.allocate(bytes);
  const Bytes values = to_bytes(
      spread_values(static_cast<std::size_t>(memory::element_count(layout)), 600), layout.dtype);
  device.put(from, values);
  device.put(to, Bytes(bytes, 0xFF));
  reorder(device, plain, from, layout, between);
  reorder(device, layout, between, plain, to);
  require_bytes(device.get(to, bytes), values, "plain, private, plain");
}

// All ones in, into poisoned memory: whatever isn't an element must be zero.
void check_reordered_padding(RawDevice& device, const dlr_tensor_desc& layout) {
  dlr_tensor_desc plain = layout;
  plain.layout = DLR_LAYOUT_PLAIN;
  const auto count = static_cast<std::size_t>(memory::element_count(layout));
  const dlr_mem from = device.allocate(memory::plain_bytes(layout));
  const uint64_t bytes = layout_bytes(device, layout);
  const dlr_mem to = device.allocate(bytes);
  device.put(from, to_bytes(Values(count, 1), layout.dtype));
  const auto require_padding = [&](const char* what) {
    const Values found = from_bytes(device.get(to, bytes), layout.dtype);
    const auto others =
        std::count_if(found.begin(), found.end(), [](double value) { return value != 0; });
    if (others != static_cast<std::ptrdiff_t>(count))
      fail(fmt::format("{}: {} elements aren't zero", what, others),
           fmt::format("{}, the tensor's own", count));
  };
  device.put(to, Bytes(bytes, 0xFF));
  reorder(device, plain, from, layout, to);
  require_padding("a tensor of ones reordered");
  const dlr_device_type& type = device.type();
  if (!DLR_HAS(&type, zero_padding) || type.zero_padding == nullptr) return;
  require_ok(type.zero_padding(device.handle(), device.stream(), &layout, to), "zero_padding");
  device.synchronize();
  require_padding("zero_padding on it");
}

// Tensors whose bytes 32 bits don't hold.
void check_large(RawDevice& device, const OperatorCase& large, const OperatorStep& step) {
  const std::vector<dlr_tensor_desc> layouts = planned_layouts(device, large, step);
  if (layouts.empty()) decline(step.op + ": planned in plain layouts");
  for (const dlr_tensor_desc& layout : layouts) {
    const uint64_t least = memory::plain_bytes(layout);
    const uint64_t bytes = layout_bytes(device, layout);
    if (bytes < least)
      fail(fmt::format("{} bytes for {}", bytes, Shape(layout).text()),
           fmt::format("{} or more", least));
  }
}

void check_declines(RawDevice& device) {
  const OperatorCase nonsense{"",
                              {Shape{2, 3}, Shape{2, 3}},
                              {{"no_such_operator", {}, {}, {0, 1}, {1}, false}},
                              {},
                              false};
  try {
    const OperatorRun run(device, nonsense, nonsense.steps[0], DLR_F32);
  } catch (const Declined&) {
    return;
  }
  fail("a plan of the operator no_such_operator", "DLR_UNIMPLEMENTED and a reason");
}

void check_unknown_fusion(RawDevice& device) {
  dlr_tensor_desc x = Shape{2, 3}.desc(DLR_F32, DLR_LAYOUT_ANY);
  dlr_tensor_desc y = x;
  dlr_tensor_desc* args[] = {&x, &y};
  const dlr_post_op post = {sizeof(dlr_post_op), host::to_abi("no_such_fusion"), 1, 0, -1};
  const dlr_post_op* const posts[] = {&post};
  dlr_op_desc desc{};
  desc.size = sizeof desc;
  desc.op = host::to_abi("relu_forward");
  desc.args = args;
  desc.n_args = 2;
  desc.post_ops = posts;
  desc.n_post_ops = 1;
  dlr_plan* plan = nullptr;
  if (code_of(device.type().plan(device.handle(), &desc, &plan)) != DLR_UNIMPLEMENTED)
    fail("no decline of the fusion no_such_fusion", "DLR_UNIMPLEMENTED and a reason");
}

void check_layouts(RawDevice& device, const std::vector<dlr_tensor_desc>& layouts,
                   const std::string& name, Runner& runner) {
  runner.rung("layouts");
  if (layouts.empty()) return runner.absent("no plan chose a private layout");
  for (const dlr_tensor_desc& layout : layouts) {
    const std::string who = fmt::format("{}: layout {:#x} of {}, float{}", name, layout.layout,
                                        Shape(layout).text(), layout.dtype & 0xFF);
    runner.check("Y1", who, [&] { check_round_trip(device, layout); });
    runner.check("Y2", who, [&] { check_reordered_padding(device, layout); });
  }
}

}  // namespace

void check_device_operators(const dlr_device_type& type, const std::string& name,
                            const std::vector<OperatorCase>& cases, Runner& runner) {
  runner.rung("operators");
  if (!DLR_HAS(&type, plan) || type.plan == nullptr)
    return runner.absent("it has no operators: layers run kernels");
  std::unique_ptr<RawDevice> device;
  runner.check("O7", name + ": no_such_operator", [&] {
    count_devices(type);
    device = std::make_unique<RawDevice>(type);
    check_declines(*device);
  });
  if (device == nullptr) {  // none there, or skipped: the process before this one opened it too
    try {
      count_devices(type);
    } catch (const Declined&) {
      return;
    }
    device = std::make_unique<RawDevice>(type);
  }
  runner.check("O7", name + ": no_such_fusion", [&] { check_unknown_fusion(*device); });
  std::vector<dlr_tensor_desc> layouts;
  // By operator, the first case that ran right; and those of which two were run in turn.
  std::map<std::string, const OperatorCase*> first;
  std::set<std::string> in_turn;
  for (const OperatorCase& each : cases) {
    if (each.is_large) continue;
    for (std::size_t step = 0; step < each.steps.size(); ++step) {
      const std::string& op = each.steps[step].op;
      for (const uint32_t dtype : {DLR_F32, DLR_F64}) {
        const bool ran = check_step(*device, each, step, dtype, layouts, runner);
        if (!ran || dtype != DLR_F32) continue;
        runner.rung("operators");
        const std::string who = name + ": " + op;
        if (first.emplace(op, &each).second) {
          runner.check("D8", who, [&] { check_plan_leaks(type, each, step); });
          runner.check("O8", who, [&] {
            check_malformed(*device, each, each.steps[step]);
            StepRun after(*device, each, step, DLR_F32, false);
            after.compute(400);
            after.require_right(DLR_F32);
          });
        } else if (in_turn.insert(op).second) {
          runner.check("O9", who, [&] { check_independence(*device, *first[op], each, step); });
        }
      }
    }
  }
  check_layouts(*device, layouts, name, runner);
  if (layouts.empty()) return;
  for (const OperatorCase& each : cases) {
    for (const OperatorStep& step : each.steps) {
      if (each.is_large)
        runner.check("Y3", fmt::format("{}: {} in {}", name, step.op, each.name),
                     [&] { check_large(*device, each, step); });
    }
  }
}

}  // namespace dlrun::conform
