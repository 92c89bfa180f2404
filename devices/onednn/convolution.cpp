// Convolution in its three directions, in one to three spatial axes, with groups and dilation.
// oneDNN chooses the layouts of what is declared ANY.
#include "plan.hpp"

namespace dlrun::onednn {

namespace {

using dnnl::algorithm;
using dnnl::memory;

// Which arguments of an operator are which: indices, -1 where there is no such one.
struct Operands {
  int x, w, bias, y;
};

// The parts of the description that the three directions share.
struct Geometry {
  Geometry(const OpView& op, const Operands& operands);

  Dims x, w, bias, y;  // extents; of grouped weights [G, K/G, C/G, k...]; bias is empty without one
  Dims strides, dilates, pad;
};

// One number per spatial axis.
Dims per_axis(const OpView& op, const char* name, size_t axes, int64_t otherwise) {
  Dims list = op.integers(name);
  if (list.empty()) list.assign(axes, otherwise);
  if (list.size() != axes) throw Declined(std::string("'") + name + "' isn't given for each axis");
  return list;
}

Dims extents(const OpView& op, int index) {
  const Shape shape = op.shape(index);
  Dims dims;
  for (int axis = 0; axis < shape.rank(); ++axis)
    dims.push_back(shape[axis]);
  if (shape.count() == 0) throw Declined("a tensor is empty");
  if (op.arg(index).dtype != DLR_F32) throw Declined("oneDNN convolves in float32 only");
  return dims;
}

Geometry::Geometry(const OpView& op, const Operands& operands)
    : x(extents(op, operands.x)), w(extents(op, operands.w)), y(extents(op, operands.y)) {
  if (x.size() < 3 || x.size() > 5) throw Declined("oneDNN convolves in one to three spatial axes");
  const size_t axes = x.size() - 2;
  strides = per_axis(op, "stride", axes, 1);
  pad = per_axis(op, "pad", axes, 0);
  dilates = per_axis(op, "dilation", axes, 1);
  for (int64_t& dilate : dilates)
    --dilate;  // oneDNN counts the elements left out
  const int64_t group = op.integer("group", 1);
  if (group > 1) {
    w[0] /= group;
    w.insert(w.begin(), group);
  }
  if (operands.bias >= 0 && op.has_arg(operands.bias)) bias = extents(op, operands.bias);
}

memory::desc any(const Dims& dims) {
  return {dims, memory::data_type::f32, memory::format_tag::any};
}
memory::desc bias_desc(const Geometry& g) {
  return g.bias.empty() ? memory::desc() : plain_desc(g.bias);
}

dnnl::primitive_attr attributes_of(const OpView& op) {
  dnnl::primitive_attr all = attributes();
  dnnl::post_ops chain;
  for (uint32_t i = 0; i < op.desc().n_post_ops; ++i) {
    const dlr_post_op& post = *op.desc().post_ops[i];
    const std::string_view kind = from_abi(post.kind);
    if (kind != "relu") throw Declined("onednn fuses 'relu' only, not '" + std::string(kind) + "'");
    append_eltwise(chain, algorithm::eltwise_relu, static_cast<float>(post.alpha));
  }
  all.set_post_ops(chain);
  return all;
}

// `x`, `w` and `y` are what is wanted of the operands.
dnnl::convolution_forward::primitive_desc describe(const Device& device,
                                                   const dnnl::primitive_attr& attributes,
                                                   const Geometry& g, const memory::desc& x,
                                                   const memory::desc& w, const memory::desc& y) {
  return describe_forward<dnnl::convolution_forward>(
      device.engine(), attributes, dnnl::prop_kind::forward_training, algorithm::convolution_direct,
      x, w, bias_desc(g), y, g.strides, g.dilates, g.pad, g.pad);
}

// oneDNN wants to see the forward convolution before it describes a backward one.
dnnl::convolution_forward::primitive_desc hint(const Device& device, const Geometry& g) {
  const auto forward = describe(device, attributes(), g, any(g.x), any(g.w), any(g.y));
  check_fast(forward, "convolution_forward");
  return forward;
}

std::unique_ptr<Plan> plan_forward(const OpView& op, Device& device) {
  const Operands at{0, 1, 2, 3};
  const Geometry g(op, at);
  const Layouts& layouts = device.layouts();
  const auto primitive =
      describe(device, attributes_of(op), g, layouts.wanted(op.arg(at.x), g.x),
               layouts.wanted(op.arg(at.w), g.w), layouts.wanted(op.arg(at.y), g.y));
  check_fast(primitive, op.op());
  const int bias = g.bias.empty() ? 0 : DNNL_ARG_BIAS;
  return std::make_unique<Plan>(
      device, primitive, std::vector<int>{DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, bias, DNNL_ARG_DST});
}

std::unique_ptr<Plan> plan_backward_data(const OpView& op, Device& device) {
  const Operands at{2, 1, -1, 0};
  const Geometry g(op, at);
  const Layouts& layouts = device.layouts();
  const auto primitive = describe_backward<dnnl::convolution_backward_data>(
      device.engine(), attributes_of(op), hint(device, g), algorithm::convolution_direct,
      layouts.wanted(op.arg(at.x), g.x), layouts.wanted(op.arg(at.w), g.w),
      layouts.wanted(op.arg(at.y), g.y), g.strides, g.dilates, g.pad, g.pad);
  check_fast(primitive, op.op());
  return std::make_unique<Plan>(
      device, primitive, std::vector<int>{DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC});
}

std::unique_ptr<Plan> plan_backward_weights(const OpView& op, Device& device) {
  const Operands at{0, 2, 3, 1};
  const Geometry g(op, at);
  const Layouts& layouts = device.layouts();
  const auto primitive = describe_backward<dnnl::convolution_backward_weights>(
      device.engine(), attributes_of(op), hint(device, g), algorithm::convolution_direct,
      layouts.wanted(op.arg(at.x), g.x), layouts.wanted(op.arg(at.w), g.w), bias_desc(g),
      layouts.wanted(op.arg(at.y), g.y), g.strides, g.dilates, g.pad, g.pad);
  check_fast(primitive, op.op());
  const int bias = g.bias.empty() ? 0 : DNNL_ARG_DIFF_BIAS;
  return std::make_unique<Plan>(
      device, primitive,
      std::vector<int>{DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS, bias});
}

}  // namespace

std::unique_ptr<Plan> plan_convolution(const OpView& op, Device& device) {
  if (op.op() == "convolution_forward") return plan_forward(op, device);
  if (op.desc().n_post_ops > 0) throw Declined("onednn fuses behind a forward convolution only");
  return op.op() == "convolution_backward_data" ? plan_backward_data(op, device)
                                                : plan_backward_weights(op, device);
}

}  // namespace dlrun::onednn
