// Pooling, between convolutions: in the layout that these leave behind.
#include "plan.hpp"

namespace dlrun::onednn {

namespace {

using dnnl::algorithm;

struct Window {
  Dims kernel, stride, pad, pad_end, dilation;
};

// A last window may reach beyond the padding: oneDNN takes that for more padding.
Window window(const OpView& op, const Dims& x, const Dims& y) {
  if (x.size() < 3 || x.size() > 5) throw Declined("onednn pools in one to three spatial axes");
  const size_t axes = x.size() - 2;
  Window w{per_axis(op, "kernel", axes, 1),
           per_axis(op, "stride", axes, 1),
           per_axis(op, "pad", axes, 0),
           {},
           Dims(axes, 0)};
  for (size_t a = 0; a < axes; ++a) {
    const int64_t reach = (y[a + 2] - 1) * w.stride[a] + w.kernel[a];
    w.pad_end.push_back(std::max<int64_t>(0, reach - x[a + 2] - w.pad[a]));
  }
  return w;
}

// Averages divide by the size of the window clipped to the padded input. oneDNN either clips to the
// input, which is the same without padding, or not at all, which is the same when no window reaches
// beyond the padding.
algorithm average_kind(const Window& w) {
  const auto zero = [](int64_t n) { return n == 0; };
  if (std::all_of(w.pad.begin(), w.pad.end(), zero)) return algorithm::pooling_avg_exclude_padding;
  for (size_t a = 0; a < w.pad.size(); ++a) {
    if (w.pad_end[a] > w.pad[a])
      throw Declined("oneDNN has no average that clips windows to the padding");
  }
  return algorithm::pooling_avg_include_padding;
}

}  // namespace

std::unique_ptr<Plan> plan_pooling(const OpView& op, Device& device) {
  const bool is_max = op.op().rfind("pooling_max_", 0) == 0;
  const bool is_forward = op.op().find("_forward") != std::string_view::npos;
  const int x = is_forward ? 0 : 1;
  const Dims x_dims = extents(op, x);
  const Dims y_dims = extents(op, 1 - x);
  const Window w = window(op, x_dims, y_dims);
  const algorithm kind = is_max ? algorithm::pooling_max : average_kind(w);
  const bool training = !is_max || op.integer("training", 1) != 0;

  const Layouts& layouts = device.layouts();
  const dnnl::memory::desc x_desc = layouts.wanted(op.arg(x), x_dims, usual_layout(device, x_dims));
  const auto forward = describe_forward<PoolingForward>(
      device.engine(), attributes(),
      training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference, kind,
      x_desc, layouts.wanted(op.arg(1 - x), y_dims, any_desc(y_dims)), w.stride, w.kernel,
      w.dilation, w.pad, w.pad_end);
  check_fast(forward, op.op());
  if (is_forward)
    return std::make_unique<Plan>(device, forward, std::vector<int>{DNNL_ARG_SRC, DNNL_ARG_DST});
  const auto backward = describe_backward<PoolingBackward>(
      device.engine(), attributes(), forward, kind, x_desc, forward.dst_desc(), w.stride, w.kernel,
      w.dilation, w.pad, w.pad_end);
  check_fast(backward, op.op());
  return std::make_unique<Plan>(device, backward,
                                std::vector<int>{DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC});
}

}  // namespace dlrun::onednn
