// Rule O8: descriptions that say what can't be.
#include <fmt/format.h>

#include <functional>

#include "core/conform/device/checks.hpp"
#include "core/conform/device/operator_run.hpp"
#include "core/conform/runner.hpp"

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
      {"an unknown element type", [](dlr_op_desc& desc) { desc.args[0]->dtype = kNoType; }},
      {"an unknown element type of its output",
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

}  // namespace

void check_malformed(RawDevice& device, const OperatorCase& operator_case,
                     const OperatorStep& step) {
  for (const Mistake& mistake : mistakes()) {
    with_description(operator_case, step, DLR_F32, [&](dlr_op_desc& desc) {
      mistake.make(desc);
      dlr_plan* plan = nullptr;
      const uint32_t code = code_of(device.type().plan(device.handle(), &desc, &plan));
      if (code == 0) fail(fmt::format("a plan of a description with {}", mistake.what), "an error");
    });
  }
}

}  // namespace dlrun::conform
