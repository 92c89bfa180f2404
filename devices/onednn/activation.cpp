// Activations, forward, and softmax in both directions, in the layout of their input.
#include "plan.hpp"

namespace dlrun::onednn {

std::unique_ptr<Plan> plan_activation(const OpView& op, Device& device) {
  require_args(op, 2);
  const std::string_view name = op.op().substr(0, op.op().find('_'));
  const auto primitive =
      describe_eltwise(device.engine(), attributes(), activation_kind(name),
                       followed(op, 0, device), static_cast<float>(op.number("slope", 0)));
  check_fast(primitive, op.op());
  return std::make_unique<PrimitivePlan>(device, primitive,
                                         std::vector<int>{DNNL_ARG_SRC, DNNL_ARG_DST});
}

std::unique_ptr<Plan> plan_softmax(const OpView& op, Device& device) {
  const bool backward = op.op() == "softmax_backward";
  require_args(op, backward ? 3 : 2);
  const auto axis = static_cast<int>(op.integer("axis", 1));
  const dnnl::memory::desc x = followed(op, 0, device);
  // Over classes it is too little work to gain anything, and the cpu device's numbers stay its own.
  if (!device.takes_all() && is_plain(x))
    throw Declined("the cpu device computes softmax of plain tensors");
  const auto forward = describe_softmax(device.engine(), attributes(), x, axis);
  check_fast(forward, op.op());
  if (!backward) {
    return std::make_unique<PrimitivePlan>(device, forward,
                                           std::vector<int>{DNNL_ARG_SRC, DNNL_ARG_DST});
  }
  const auto primitive = describe_softmax_backward(device.engine(), attributes(), forward, x, axis);
  check_fast(primitive, op.op());
  return std::make_unique<PrimitivePlan>(
      device, primitive, std::vector<int>{DNNL_ARG_DST, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC});
}

}  // namespace dlrun::onednn
