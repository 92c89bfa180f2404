// plan.cpp: picks the planner of an operator by name, and the checks that all share.
#include "plan.hpp"

#include <string>

namespace dlrun::cpu {
namespace {

using Planner = std::unique_ptr<dlr_plan> (*)(const Device&, const OpView&);

struct Entry {
  std::string_view op;
  Planner planner;
};

constexpr Entry kPlanners[] = {
    {"gemm", plan_gemm},
    {"convolution_forward", plan_convolution_forward},
    {"convolution_backward_data", plan_convolution_backward_data},
    {"convolution_backward_weights", plan_convolution_backward_weights},
    {"deconvolution_forward", plan_convolution_backward_data},
    {"inner_product_forward", plan_inner_product_forward},
    {"inner_product_backward_data", plan_inner_product_backward_data},
    {"inner_product_backward_weights", plan_inner_product_backward_weights},
    {"pooling_max_forward", plan_pooling_max_forward},
    {"pooling_max_backward", plan_pooling_max_backward},
    {"pooling_average_forward", plan_pooling_average_forward},
    {"pooling_average_backward", plan_pooling_average_backward},
    {"lrn_forward", plan_lrn_forward},
    {"lrn_backward", plan_lrn_backward},
    {"softmax_forward", plan_softmax_forward},
    {"softmax_backward", plan_softmax_backward},
};

}  // namespace

std::unique_ptr<dlr_plan> make_plan(const Device& device, dlr_op_desc& desc) {
  const OpView op(desc);
  if (desc.n_post_ops > 0) throw Declined("the cpu device fuses nothing behind an operator");
  desc.accumulate_accepted = 0;
  desc.workspace_bytes = 0;
  desc.reserve_bytes = 0;
  for (const Entry& entry : kPlanners) {
    if (entry.op == op.op()) return entry.planner(device, op);
  }
  throw Declined("the cpu device has no operator '" + std::string(op.op()) + "'");
}

uint32_t accept_plain_floats(const OpView& op) {
  uint32_t dtype = 0;
  for (int i = 0; i < op.n_args(); ++i) {
    if (!op.has_arg(i)) continue;
    dlr_tensor_desc& arg = op.arg(i);
    if (arg.layout == DLR_LAYOUT_ANY) arg.layout = DLR_LAYOUT_PLAIN;
    if (arg.layout != DLR_LAYOUT_PLAIN) throw Declined("the cpu device takes plain layouts only");
    if (dtype == 0) dtype = arg.dtype;
    if (arg.dtype != dtype) throw Declined("the arguments' element types differ");
  }
  if (dtype != DLR_F32 && dtype != DLR_F64)
    throw Declined("the cpu device computes in float32 and float64 only");
  return dtype;
}

}  // namespace dlrun::cpu
