// Normalisation across channels (LRN) and over the batch, in the layout of their input.
#include "plan.hpp"

namespace dlrun::onednn {

namespace {

// Mean and variance are given, not the batch's own.
dnnl::normalization_flags flags_of(const OpView& op) {
  return op.integer("global", 0) != 0 ? dnnl::normalization_flags::use_global_stats
                                      : dnnl::normalization_flags::none;
}

}  // namespace

std::unique_ptr<Plan> plan_lrn(const OpView& op, Device& device) {
  const bool backward = op.op() == "lrn_backward";
  require_args(op, backward ? 4 : 2);
  const Lrn lrn{op.integer("size", 5), static_cast<float>(op.number("alpha", 1)),
                static_cast<float>(op.number("beta", 0.75)), static_cast<float>(op.number("k", 1))};
  const dnnl::memory::desc x = followed(op, 0, device);
  const bool training = backward || op.integer("training", 1) != 0;
  const auto forward = describe_lrn(
      device.engine(), attributes(),
      training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference, x, lrn);
  check_fast(forward, op.op());
  if (!backward) {
    return std::make_unique<PrimitivePlan>(device, forward,
                                           std::vector<int>{DNNL_ARG_SRC, DNNL_ARG_DST});
  }
  const auto primitive = describe_lrn_backward(device.engine(), attributes(), forward, x, lrn);
  check_fast(primitive, op.op());
  return std::make_unique<PrimitivePlan>(
      device, primitive, std::vector<int>{DNNL_ARG_SRC, 0, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC});
}

std::unique_ptr<Plan> plan_batch_norm(const OpView& op, Device& device) {
  const bool backward = op.op() == "batch_norm_backward";
  require_args(op, backward ? 5 : 4);
  const auto epsilon = static_cast<float>(op.number("epsilon", 1e-5));
  const dnnl::normalization_flags flags = flags_of(op);
  const dnnl::memory::desc x = followed(op, 0, device);
  const auto forward = describe_batch_norm(device.engine(), attributes(), x, epsilon, flags);
  check_fast(forward, op.op());
  if (!backward) {
    return std::make_unique<PrimitivePlan>(
        device, forward,
        std::vector<int>{DNNL_ARG_SRC, DNNL_ARG_MEAN, DNNL_ARG_VARIANCE, DNNL_ARG_DST});
  }
  const auto primitive =
      describe_batch_norm_backward(device.engine(), attributes(), forward, x, epsilon, flags);
  check_fast(primitive, op.op());
  return std::make_unique<PrimitivePlan>(
      device, primitive,
      std::vector<int>{DNNL_ARG_SRC, DNNL_ARG_MEAN, DNNL_ARG_VARIANCE, DNNL_ARG_DIFF_DST,
                       DNNL_ARG_DIFF_SRC});
}

}  // namespace dlrun::onednn
