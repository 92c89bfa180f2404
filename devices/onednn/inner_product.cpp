// Inner product in its three directions, over plain weights: with what is left to the cpu device
// they are no slower in sum than oneDNN's own layout, and weights, their gradients and momentum are
// never converted.
#include "plan.hpp"

namespace dlrun::onednn {

namespace {

using dnnl::memory;

// Below this batch the cpu device, which reads the weights once without packing them first, is
// faster forward and to the weights (AlexNet's fc6 at batch 16: 13.7 ms against 39 and 15.5 against
// 18.1, of one core's time). To the data oneDNN's is, at any batch.
constexpr int64_t kLeastImages = 32;

// With fewer weights nothing is gained (all of LeNet takes 12.2 ms of one core's time with oneDNN's
// inner products and with cpu's), and the cpu device's keep its numbers bit for bit.
constexpr int64_t kLeastWeights = 1 << 20;

// Which arguments of an operator are which: indices, -1 where there is no such one.
struct Operands {
  int x, w, bias, y;
};

struct Described {
  Described(const OpView& op, const Device& device, const Operands& at)
      : x(operand(op, device, at.x)), y(operand(op, device, at.y)) {
    const Dims w_dims = extents(op, at.w);
    if (dims_of(x).size() != 2 || w_dims.size() != 2 || dims_of(y).size() != 2)
      throw Declined("an inner product is of tensors with 2 axes");
    const uint64_t layout = op.arg(at.w).layout;
    if (layout != DLR_LAYOUT_ANY && layout != DLR_LAYOUT_PLAIN)
      throw Declined("onednn's inner products take plain weights");
    const Dims kc{dims_of(y)[1], dims_of(x)[1]};
    const bool transposed = op.integer("transpose", 0) != 0;
    w = transposed ? transposed_desc(kc) : plain_desc(kc);
    if (at.bias >= 0 && op.has_arg(at.bias)) bias = plain_desc(extents(op, at.bias));
    forward = describe_forward<dnnl::inner_product_forward>(
        device.engine(), fused_attributes(op), dnnl::prop_kind::forward_training, x, w, bias, y);
  }

  // Its 2 axes are known even where a following operator would guess at an image's layout.
  static memory::desc operand(const OpView& op, const Device& device, int index) {
    const Dims dims = extents(op, index);
    return device.layouts().wanted(op.arg(index), dims, plain_desc(dims));
  }

  memory::desc x, w, bias, y;
  dnnl::inner_product_forward::primitive_desc forward;
};

void decline_few_weights(const Device& device, const Described& c) {
  if (!device.takes_all() && dims_of(c.w)[0] * dims_of(c.w)[1] < kLeastWeights)
    throw Declined("the cpu device is as fast with few weights");
}

void decline_small_batch(const Device& device, const Described& c) {
  if (!device.takes_all() && dims_of(c.x)[0] < kLeastImages)
    throw Declined("the cpu device is faster for small batches");
}

// Of plain tensors, weights that lie [C, K] in the operator's eyes and [K, C] in oneDNN's included,
// for which oneDNN has no other name.
class InnerProductPlan : public PrimitivePlan {
 public:
  using PrimitivePlan::PrimitivePlan;
  void describe(const OpView& op, Layouts& layouts) const override {
    PrimitivePlan::describe(op, layouts);
    for (int i = 0; i < op.n_args(); ++i)
      op.arg(i).layout = DLR_LAYOUT_PLAIN;
  }
};

template <class Primitive>
std::unique_ptr<Plan> planned(const OpView& op, Device& device, const Primitive& primitive,
                              const std::vector<int>& roles) {
  check_fast(primitive, op.op());
  return std::make_unique<InnerProductPlan>(device, primitive, roles);
}

std::unique_ptr<Plan> plan_forward(const OpView& op, Device& device) {
  const Described c(op, device, {0, 1, 2, 3});
  decline_few_weights(device, c);
  decline_small_batch(device, c);
  const int bias = op.has_arg(2) ? DNNL_ARG_BIAS : 0;
  return planned(op, device, c.forward, {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, bias, DNNL_ARG_DST});
}

std::unique_ptr<Plan> plan_backward_data(const OpView& op, Device& device) {
  const Described c(op, device, {2, 1, -1, 0});
  decline_few_weights(device, c);
  const auto primitive = describe_backward<dnnl::inner_product_backward_data>(
      device.engine(), attributes(), c.forward, c.x, c.w, c.y);
  return planned(op, device, primitive, {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC});
}

std::unique_ptr<Plan> plan_backward_weights(const OpView& op, Device& device) {
  const Described c(op, device, {0, 2, 3, 1});
  decline_few_weights(device, c);
  decline_small_batch(device, c);
  const auto primitive = describe_backward<dnnl::inner_product_backward_weights>(
      device.engine(), attributes(), c.forward, c.x, c.w, c.bias, c.y);
  const int bias = op.has_arg(3) ? DNNL_ARG_DIFF_BIAS : 0;
  return planned(op, device, primitive,
                 {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS, bias});
}

}  // namespace

std::unique_ptr<Plan> plan_inner_product(const OpView& op, Device& device) {
  if (op.desc().n_args < 3) throw Declined("an inner product has at least 3 arguments");
  if (op.op() == "inner_product_forward") return plan_forward(op, device);
  if (op.op() == "inner_product_backward_data") return plan_backward_data(op, device);
  if (op.op() == "inner_product_backward_weights") return plan_backward_weights(op, device);
  throw Declined("onednn knows no " + std::string(op.op()));
}

}  // namespace dlrun::onednn
