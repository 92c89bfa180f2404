// Which library computes which operator.
#include "plan.hpp"

#include <array>

#include "device.hpp"

namespace dlrun::cuda {

namespace {

struct Planner {
  std::string_view op;
  std::unique_ptr<Plan> (*plan)(const OpView&, Device&);
};
constexpr std::array kPlanners = {
    Planner{"gemm", plan_gemm},
    Planner{"convolution_forward", plan_convolution_forward},
    Planner{"convolution_backward_data", plan_convolution_backward_data},
    Planner{"convolution_backward_weights", plan_convolution_backward_weights},
    Planner{"deconvolution_forward", plan_convolution_backward_data},
    Planner{"pooling_max_forward", plan_pooling},
    Planner{"pooling_max_backward", plan_pooling},
    Planner{"pooling_average_forward", plan_pooling},
    Planner{"pooling_average_backward", plan_pooling},
    Planner{"lrn_forward", plan_lrn},
    Planner{"lrn_backward", plan_lrn},
    Planner{"softmax_forward", plan_softmax},
    Planner{"softmax_backward", plan_softmax},
    Planner{"batch_norm_forward", plan_batch_norm},
    Planner{"batch_norm_backward", plan_batch_norm},
};

void check_arguments(const OpView& op) {
  for (int i = 0; i < op.n_args(); ++i) {
    if (!op.has_arg(i)) continue;
    const dlr_tensor_desc& arg = op.arg(i);
    if (arg.layout != DLR_LAYOUT_ANY && arg.layout != DLR_LAYOUT_PLAIN)
      throw Declined("cuda knows the plain layout only");
    if ((arg.dtype != DLR_F32 && arg.dtype != DLR_F64) || arg.dtype != op.arg(0).dtype)
      throw Declined("cuda's operators are for float32 and float64, not mixed");
  }
  if (op.desc().n_post_ops > 0 && op.op() != "convolution_forward")
    throw Declined("cuda fuses behind convolution_forward only");
}

}  // namespace

std::unique_ptr<Plan> make_plan(const OpView& op, Device& device) {
  for (const Planner& planner : kPlanners) {
    if (planner.op != op.op()) continue;
    check_arguments(op);
    std::unique_ptr<Plan> plan = planner.plan(op, device);
    for (int i = 0; i < op.n_args(); ++i)
      op.arg(i).layout = DLR_LAYOUT_PLAIN;
    return plan;
  }
  throw Declined("cuda runs portable kernels for it");
}

}  // namespace dlrun::cuda
