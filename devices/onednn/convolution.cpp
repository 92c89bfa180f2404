// Convolution in its three directions, in one to three spatial axes, with groups and dilation; a
// transposed convolution is its gradient by data.
//
// Layouts of what is declared ANY: oneDNN's own choice, unless that pads the channels. Few such
// channels are left to the cpu device; with more it is channels last, which needs no padding.
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
  Dims x, w, bias, y;  // extents; of grouped weights [G, K/G, C/G, k...]; bias is empty without one
  Dims strides, dilates, pad;
};

// Up to here, channels that oneDNN would pad are the cpu device's: LeNet's convolutions at batch 64
// take it 8.7 ms of one core's time, forward and backward together, and oneDNN 9.4 channels last.
constexpr int64_t kFewChannels = 64;

// The same of a gradient by data to so few channels: a transposed convolution from 64 channels to 3
// takes oneDNN 10.6 ms and the cpu device 3.5 (batch 16, 64x64 to 128x128), to 8 channels 9.7
// and 8.1.
constexpr int64_t kFewToGather = 8;

// What is asked of oneDNN for the operands.
struct Wanted {
  memory::desc x, w, bias, y;
};

Geometry geometry(const OpView& op, const Operands& at) {
  Geometry g;
  g.x = extents(op, at.x);
  g.w = extents(op, at.w);
  g.y = extents(op, at.y);
  if (g.x.size() < 3 || g.x.size() > 5)
    throw Declined("onednn convolves in one to three spatial axes");
  const size_t axes = g.x.size() - 2;
  g.strides = per_axis(op, "stride", axes, 1);
  g.pad = per_axis(op, "pad", axes, 0);
  g.dilates = per_axis(op, "dilation", axes, 1);
  for (int64_t& dilate : g.dilates)
    --dilate;  // oneDNN counts the elements left out
  const int64_t group = op.integer("group", 1);
  if (group > 1) {
    g.w[0] /= group;
    g.w.insert(g.w.begin(), group);
  }
  if (at.bias >= 0 && op.has_arg(at.bias)) g.bias = extents(op, at.bias);
  return g;
}

Wanted anything(const Geometry& g) {
  return {any_desc(g.x), any_desc(g.w), g.bias.empty() ? memory::desc() : plain_desc(g.bias),
          any_desc(g.y)};
}

dnnl::convolution_forward::primitive_desc describe(const Device& device, const Geometry& g,
                                                   const Wanted& wanted,
                                                   const dnnl::primitive_attr& attributes) {
  return describe_forward<dnnl::convolution_forward>(
      device.engine(), attributes, dnnl::prop_kind::forward_training, algorithm::convolution_direct,
      wanted.x, wanted.w, wanted.bias, wanted.y, g.strides, g.dilates, g.pad, g.pad);
}

// The forward convolution that is best for what is free in `wanted`, into which the choice is
// written. oneDNN also wants to see it before it describes a backward one; and so the three
// directions choose alike.
dnnl::convolution_forward::primitive_desc best_forward(const Device& device, const Geometry& g,
                                                       Wanted& wanted,
                                                       const dnnl::primitive_attr& attributes) {
  const auto free = describe(device, g, wanted, attributes);
  if (free && !has_padding(free.src_desc()) && !has_padding(free.dst_desc())) return free;
  if (!device.takes_all() && std::max(g.x[1], g.y[1]) <= kFewChannels)
    throw Declined("the cpu device is faster for few channels");
  Wanted channels_last = wanted;
  if (wanted.x == any_desc(g.x)) channels_last.x = channels_last_desc(g.x);
  if (wanted.y == any_desc(g.y)) channels_last.y = channels_last_desc(g.y);
  const auto last = describe(device, g, channels_last, attributes);
  if (!is_fast(last)) return free;
  wanted = channels_last;
  return last;
}

// A convolution as an operator describes it, with the layouts chosen.
struct Described {
  Described(const OpView& op, const Device& device, const Operands& at,
            const dnnl::primitive_attr& attributes)
      : g(geometry(op, at)), wanted(anything(g)) {
    const Layouts& layouts = device.layouts();
    wanted.x = layouts.wanted(op.arg(at.x), g.x, wanted.x);
    wanted.w = layouts.wanted(op.arg(at.w), g.w, wanted.w);
    wanted.y = layouts.wanted(op.arg(at.y), g.y, wanted.y);
    forward = best_forward(device, g, wanted, attributes);
    if (!is_fast(forward)) forward = with_any_weights(device, attributes);
    check_fast(forward, "convolution_forward");
  }
  // A backward direction may have chosen weights (and now asks for them) that no forward is fast
  // with.
  dnnl::convolution_forward::primitive_desc with_any_weights(
      const Device& device, const dnnl::primitive_attr& attributes) const {
    Wanted other = wanted;
    other.w = any_desc(g.w);
    return best_forward(device, g, other, attributes);
  }
  Geometry g;
  Wanted wanted;
  dnnl::convolution_forward::primitive_desc forward;
};

std::unique_ptr<Plan> plan_forward(const OpView& op, Device& device) {
  const Described c(op, device, {0, 1, 2, 3}, fused_attributes(op));
  const int bias = c.g.bias.empty() ? 0 : DNNL_ARG_BIAS;
  return std::make_unique<PrimitivePlan>(
      device, c.forward, std::vector<int>{DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, bias, DNNL_ARG_DST});
}

// Over channels-last tensors, matrix products are faster than the code that oneDNN would choose.
memory::desc weights_for_data(const OpView& op, const Described& c) {
  const bool free = c.wanted.w == any_desc(c.g.w);
  const bool channels_last =
      c.wanted.x == channels_last_desc(c.g.x) && c.wanted.y == channels_last_desc(c.g.y);
  return free && channels_last && op.integer("group", 1) == 1 ? kernel_first_desc(c.g.w)
                                                              : c.wanted.w;
}

std::unique_ptr<Plan> plan_backward_data(const OpView& op, Device& device) {
  const bool is_forward = op.op() == "deconvolution_forward";  // x, w, bias?, y
  const Described c(op, device, {is_forward ? 3 : 2, 1, -1, 0}, attributes());
  if (!device.takes_all() && c.g.x[1] <= kFewToGather && op.integer("group", 1) == 1)
    throw Declined("the cpu device is faster for few channels");
  const auto describe_with = [&](const memory::desc& w) {
    return describe_backward<dnnl::convolution_backward_data>(
        device.engine(), attributes(), c.forward, algorithm::convolution_direct, c.wanted.x, w,
        c.wanted.y, c.g.strides, c.g.dilates, c.g.pad, c.g.pad);
  };
  auto primitive = describe_with(weights_for_data(op, c));
  if (!is_fast(primitive)) primitive = describe_with(c.wanted.w);
  check_fast(primitive, op.op());
  std::vector<int> roles = {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC};
  if (is_forward) roles.insert(roles.begin() + 2, 0);
  auto plan = std::make_unique<PrimitivePlan>(device, primitive, roles);
  if (!is_forward || !op.has_arg(2)) return plan;
  return with_bias_behind(op, device, std::move(plan), primitive.diff_src_desc());
}

std::unique_ptr<Plan> plan_backward_weights(const OpView& op, Device& device) {
  const Described c(op, device, {0, 2, 3, 1}, attributes());
  const auto primitive = describe_backward<dnnl::convolution_backward_weights>(
      device.engine(), attributes(), c.forward, algorithm::convolution_direct, c.wanted.x,
      c.wanted.w, c.wanted.bias, c.wanted.y, c.g.strides, c.g.dilates, c.g.pad, c.g.pad);
  check_fast(primitive, op.op());
  const int bias = c.g.bias.empty() ? 0 : DNNL_ARG_DIFF_BIAS;
  return std::make_unique<PrimitivePlan>(
      device, primitive,
      std::vector<int>{DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS, bias});
}

}  // namespace

dnnl::memory::desc usual_layout(const Device& device, const Dims& dims) try {
  const size_t axes = dims.size() - 2;
  Geometry g{dims, {dims[1], dims[1]}, {}, dims, Dims(axes, 1), Dims(axes, 0), Dims(axes, 1)};
  g.w.insert(g.w.end(), axes, 3);
  Wanted wanted = anything(g);
  const auto forward = best_forward(device, g, wanted, attributes());
  return is_fast(forward) ? forward.dst_desc() : plain_desc(dims);
} catch (const Declined&) {
  return plain_desc(dims);
}

std::unique_ptr<Plan> plan_convolution(const OpView& op, Device& device) {
  if (op.op() == "convolution_forward") return plan_forward(op, device);
  if (op.op() == "convolution_backward_data" || op.op() == "deconvolution_forward")
    return plan_backward_data(op, device);
  if (op.op() == "convolution_backward_weights") return plan_backward_weights(op, device);
  throw Declined("onednn knows no " + std::string(op.op()));
}

}  // namespace dlrun::onednn
