// Rules O: operators against their formulas. Collects the private layouts that their plans choose.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "core/conform/device/checks.hpp"
#include "core/conform/device/operator_run.hpp"
#include "core/conform/device/step_run.hpp"
#include "core/conform/leaks.hpp"
#include "core/conform/parts.hpp"
#include "core/host/error.hpp"
#include "core/memory/device.hpp"

namespace dlrun::conform {
namespace {

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

// Forwards of two plans, then their backwards: each finds what its own forward left.
void check_two_reserves(RawDevice& device, const OperatorCase& operator_case, std::size_t step) {
  StepRun first(device, operator_case, step, DLR_F32, false);
  StepRun second(device, operator_case, step, DLR_F32, false);
  first.prepare(1000);
  second.prepare(1100);
  first.finish();
  first.require_right(DLR_F32);
  second.finish();
  second.require_right(DLR_F32);
}

// Which output may take the place of which input: docs/operators.md.
std::optional<std::pair<int, int>> in_place(const OperatorStep& step) {
  const std::string& op = step.op;
  const int last = static_cast<int>(step.args.size()) - 1;
  for (const char* each : {"relu_forward", "sigmoid_forward", "tanh_forward", "softmax_forward",
                           "batch_norm_forward", "sum"}) {
    if (op == each) return std::pair(last, 0);
  }
  if (op == "softmax_backward" || op == "batch_norm_backward") return std::pair(last, last - 1);
  return std::nullopt;
}

// One operator on the same shapes with other attributes: what a cache may take for the same.
bool are_twins(const OperatorCase& a, const OperatorCase& b, std::size_t step) {
  if (step >= a.steps.size() || a.steps[step].op != b.steps[step].op) return false;
  return a.tensors == b.tensors && a.steps[step].args == b.steps[step].args &&
         (a.steps[step].integers != b.steps[step].integers ||
          a.steps[step].numbers != b.steps[step].numbers);
}

void check_in_place(RawDevice& device, const OperatorCase& operator_case, std::size_t step,
                    uint32_t dtype) {
  const auto [output, input] = *in_place(operator_case.steps[step]);
  StepRun run(device, operator_case, step, dtype, false);
  if (!run.run().put_in_place(output, input)) decline("its plan gives them different layouts");
  run.compute(600);
  run.require_within();
  run.run().require_untouched();
  run.require_right(dtype);
}

// One small case of each operator is planned, run and destroyed again and again.
void check_plan_leaks(const dlr_device_type& type, const OperatorCase& operator_case,
                      std::size_t step) {
  require_no_leak([&] {
    RawDevice device(type);
    StepRun(device, operator_case, step, DLR_F32, false).compute(400);
  });
}

// Runs the step with each activation behind it that the device fuses, and then `check`: planned
// with layouts left open, and as dlrun does, with those of the plan without it. Declined when there
// is none.
void check_fusions(RawDevice& device, const OperatorCase& operator_case, std::size_t step,
                   uint32_t dtype, const std::function<void(StepRun&)>& check) {
  const OperatorStep& bare = operator_case.steps[step];
  const std::vector<uint64_t> chosen = OperatorRun(device, operator_case, bare, dtype).layouts();
  const Fused kinds[] = {
      {"relu_forward", 0}, {"relu_forward", 0.1}, {"sigmoid_forward", 0}, {"tanh_forward", 0}};
  std::string reason;
  bool fuses = false;
  for (const Fused& kind : kinds) {
    for (const std::vector<uint64_t>& layouts : {std::vector<uint64_t>(), chosen}) {
      OperatorCase fused = operator_case;
      fused.steps[step].behind = kind;
      fused.steps[step].layouts = layouts;
      try {
        StepRun run(device, fused, step, dtype, false);
        fuses = true;
        run.compute(600);
        check(run);
      } catch (const Declined& declined) {
        reason = declined.reason;
      } catch (const Failure& failure) {
        fail(
            fmt::format("with {} (alpha {}) behind it{}: {}", kind.op, kind.alpha,
                        layouts.empty() ? "" : ", in the layouts that it has alone", failure.found),
            failure.expected);
      }
    }
  }
  if (!fuses) decline(reason);
}

// Of a step whose first check was skipped; null when it failed or was declined.
std::unique_ptr<StepRun> made_again(RawDevice& device, const OperatorCase& operator_case,
                                    std::size_t step, uint32_t dtype, uint64_t stream) {
  try {
    auto run = std::make_unique<StepRun>(device, operator_case, step, dtype, false);
    run->compute(stream);
    return run;
  } catch (const Failure&) {
    return nullptr;
  } catch (const Declined&) {
    return nullptr;
  }
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
  bool is_skipped = true;  // the process before this one came further
  const bool ran = runner.check("O2", name, [&] {
    is_skipped = false;
    run = std::make_unique<StepRun>(device, operator_case, step, dtype, false);
    run->compute(kFirst);
  });
  if (ran && is_skipped) run = made_again(device, operator_case, step, dtype, kFirst);
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
        run->allocate();
        run->compute(kFirst);
        run->require_right(dtype);
      });
  if (!is_right) return false;
  if (in_place(what))
    runner.check("O12", name, [&] { check_in_place(device, operator_case, step, dtype); });
  if (!what.adds) {
    runner.check("O4", name + ", accumulate", [&] {
      StepRun adding(device, operator_case, step, dtype, true);
      adding.compute(kFirst);
      adding.require_right(dtype);
    });
  }
  if (what.may_be_forward()) {
    runner.check("O11", name + ", fused", [&] {
      check_fusions(device, operator_case, step, dtype, [&](StepRun& fused) {
        fused.require_within();
        fused.require_written();
        fused.run().require_untouched();
        fused.require_right(dtype);
        fused.compute(700);
        fused.require_right(dtype);
      });
    });
  }
  const std::vector<dlr_tensor_desc> chosen = run->run().private_layouts();
  if (chosen.empty()) return true;
  runner.rung("layouts");
  const auto is_clean = [](StepRun& each) { each.run().require_clean_padding(); };
  runner.check("Y2", name, [&] { is_clean(*run); });
  if (what.may_be_forward()) {
    runner.check("Y2", name + ", fused",
                 [&] { check_fusions(device, operator_case, step, dtype, is_clean); });
  }
  for (const dlr_tensor_desc& layout : chosen) {
    if (memory::element_count(layout) == 0) continue;  // nothing to reorder
    if (std::none_of(layouts.begin(), layouts.end(), [&](const dlr_tensor_desc& known) {
          return known.layout == layout.layout && memory::same_shape(known, layout);
        }))
      layouts.push_back(layout);
  }
  return true;
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

void check_unknowns(RawDevice& device, const OperatorCase& operator_case, const OperatorStep& step,
                    const std::string& who, Runner& runner) {
  runner.check("O7", who + ", no_such_attribute",
               [&] { check_unknown_attribute(device, operator_case, step); });
  if (step.op != "sum" && step.op != "concat")  // those take any number
    runner.check("O7", who + ", a further argument",
                 [&] { check_further_argument(device, operator_case, step); });
  runner.check("O7", who + ", float16", [&] { check_unknown_type(device, operator_case, step); });
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
  runner.check("D8", name + ": no_such_operator", [&] {
    require_no_leak([&] {
      RawDevice another(type);
      check_declines(another);
    });
  });
  runner.check("O7", name + ": no_such_fusion", [&] { check_unknown_fusion(*device); });
  std::vector<dlr_tensor_desc> layouts;
  // By operator, the first case that ran right; and those of which two were run in turn.
  std::map<std::string, const OperatorCase*> first;
  std::set<std::string> in_turn;
  std::vector<std::pair<const OperatorCase*, std::size_t>> right;  // and its step
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
          if (!each.is_of_net) runner.check("D8", who, [&] { check_plan_leaks(type, each, step); });
          check_unknowns(*device, each, each.steps[step], who, runner);
          runner.check("O8", who, [&] {
            check_malformed(*device, each, each.steps[step]);
            StepRun after(*device, each, step, DLR_F32, false);
            after.compute(400);
            after.require_right(DLR_F32);
          });
        } else if (in_turn.insert(op).second) {
          runner.check("O9", who, [&] { check_independence(*device, *first[op], each, step); });
          if (each.steps[step].integer("pair", -1) >= 0 && step > 0)
            runner.check("O9", who + ", two reserves",
                         [&] { check_two_reserves(*device, each, step); });
        }
        if (each.is_of_net) continue;
        for (const auto& known : right) {
          const OperatorCase& other = *known.first;
          if (known.second == step && are_twins(other, each, step))
            runner.check("O9", who + ": " + other.name + " and " + each.name,
                         [&] { check_independence(*device, other, each, step); });
        }
        right.emplace_back(&each, step);
      }
    }
  }
  check_layouts(*device, layouts, cases, name, runner);
}

}  // namespace dlrun::conform
