// Descriptions that say what can't be (rule O8), and what the device can't know (O7).
#include <fmt/format.h>

#include <functional>
#include <string>
#include <vector>

#include "core/conform/device/checks.hpp"
#include "core/conform/device/operator_run.hpp"
#include "core/conform/runner.hpp"
#include "core/host/error.hpp"

namespace dlrun::conform {
namespace {

struct Mistake {
  const char* what;
  std::function<void(dlr_op_desc&)> make;
};

// Each is made in the first argument, in the last one, or in the list of them.
std::vector<Mistake> mistakes() {
  constexpr uint64_t kNoLayout = 0x7E57AB1E0BADull;
  constexpr uint32_t kNoType = 0x1234;
  const auto last = [](dlr_op_desc& desc) -> dlr_tensor_desc& {
    uint32_t index = desc.n_args - 1;
    while (index > 0 && desc.args[index]->dtype == 0)  // absent
      --index;
    return *desc.args[index];
  };
  return {
      {"rank 9 in its first argument",
       [](dlr_op_desc& desc) { desc.args[0]->rank = DLR_MAX_RANK + 1; }},
      {"rank 2^31 in its last argument", [last](dlr_op_desc& desc) { last(desc).rank = 1u << 31; }},
      {"a negative extent", [](dlr_op_desc& desc) { desc.args[0]->dim[0] = -3; }},
      {"a negative extent of its output",
       [last](dlr_op_desc& desc) { last(desc).dim[0] = INT64_MIN; }},
      {"a nonsensical element type", [](dlr_op_desc& desc) { desc.args[0]->dtype = kNoType; }},
      {"a nonsensical element type of its output",
       [last](dlr_op_desc& desc) { last(desc).dtype = kNoType; }},
      {"an unknown layout", [](dlr_op_desc& desc) { desc.args[0]->layout = kNoLayout; }},
      {"an unknown layout of its output",
       [last](dlr_op_desc& desc) { last(desc).layout = kNoLayout; }},
      {"no arguments", [](dlr_op_desc& desc) { desc.n_args = 0; }},
      {"no arguments and no list of them",
       [](dlr_op_desc& desc) {
         desc.n_args = 0;
         desc.args = nullptr;
       }},
      {"one argument alone", [](dlr_op_desc& desc) { desc.n_args = 1; }},
      {"its first argument absent",
       [](dlr_op_desc& desc) {
         *desc.args[0] = {sizeof(dlr_tensor_desc), 0, 0, {}, DLR_LAYOUT_PLAIN};
       }},
  };
}

// Which argument is a bias; -1: none.
int bias_of(const OperatorStep& step) {
  const bool has_bias =
      step.op.find("convolution") != std::string::npos || step.op.starts_with("inner_product");
  const int index = step.op.ends_with("_forward") ? 2 : 3;
  const bool is_there = has_bias && static_cast<int>(step.args.size()) > 3 &&
                        step.args[static_cast<std::size_t>(index)] >= 0;
  return is_there ? index : -1;
}

}  // namespace

void check_malformed(RawDevice& device, const OperatorCase& operator_case,
                     const OperatorStep& step) {
  std::vector<Mistake> all = mistakes();
  if (const int bias = bias_of(step); bias >= 0) {
    all.push_back({"a bias of more numbers than there are channels",
                   [bias](dlr_op_desc& desc) { desc.args[bias]->dim[0] += 16; }});
    all.push_back(
        {"a bias without dimensions", [bias](dlr_op_desc& desc) { desc.args[bias]->rank = 0; }});
  }
  for (const Mistake& mistake : all) {
    with_description(operator_case, step, DLR_F32, [&](dlr_op_desc& desc) {
      mistake.make(desc);
      dlr_plan* plan = nullptr;
      const uint32_t code = code_of(device.type().plan(device.handle(), &desc, &plan));
      if (code == 0) fail(fmt::format("a plan of a description with {}", mistake.what), "an error");
    });
  }
}

namespace {

void require_decline(RawDevice& device, dlr_op_desc& desc, const char* what) {
  dlr_plan* plan = nullptr;
  std::string message;
  const uint32_t code = code_of(device.type().plan(device.handle(), &desc, &plan), &message);
  if (code != DLR_UNIMPLEMENTED || message.empty())
    fail(fmt::format("{} {} with {}", code == 0 ? "a plan of" : "no decline of",
                     host::from_abi(desc.op), what),
         "DLR_UNIMPLEMENTED and a reason");
}

}  // namespace

void check_unknown_attribute(RawDevice& device, const OperatorCase& operator_case,
                             const OperatorStep& step) {
  with_description(operator_case, step, DLR_F32, [&](dlr_op_desc& desc) {
    constexpr int64_t kOne = 1;
    const dlr_attribute unknown = {sizeof unknown, host::to_abi("no_such_attribute"), &kOne, 1, 1};
    std::vector<const dlr_attribute*> all(desc.attributes, desc.attributes + desc.n_attributes);
    all.push_back(&unknown);
    desc.attributes = all.data();
    desc.n_attributes = static_cast<uint32_t>(all.size());
    require_decline(device, desc, "an attribute that isn't in its list");
  });
}

void check_further_argument(RawDevice& device, const OperatorCase& operator_case,
                            const OperatorStep& step) {
  with_description(operator_case, step, DLR_F32, [&](dlr_op_desc& desc) {
    dlr_tensor_desc further = *desc.args[0];
    std::vector<dlr_tensor_desc*> all(desc.args, desc.args + desc.n_args);
    all.push_back(&further);
    desc.args = all.data();
    desc.n_args = static_cast<uint32_t>(all.size());
    require_decline(device, desc, "an argument more than it has");
  });
}

void check_unknown_type(RawDevice& device, const OperatorCase& operator_case,
                        const OperatorStep& step) {
  constexpr uint32_t kFloat16 = (static_cast<uint32_t>('f') << 8) | 16u;
  with_description(operator_case, step, kFloat16, [&](dlr_op_desc& desc) {
    require_decline(device, desc, "elements of float16, which is no type yet");
  });
}

}  // namespace dlrun::conform
