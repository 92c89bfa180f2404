// Pooling: one value for each position of a window that slides over every channel, along up to
// three spatial axes.
//
//   MAX         y = the largest of the window
//   AVE         y = the sum of the window / its size, clipped to the padded axis; padding counts as
//   0 STOCHASTIC  TRAIN: y = an element drawn with a probability in proportion to its value (which
//   must be 0 or more)
//               TEST:  y = the expectation of that, the sum of squares / the sum
//
// Letters: N images, C channels, S spatial positions of the input, O of the output, I elements of
// the window. Shapes: x [N,C,S...], y [N,C,O...]; along a spatial axis
//   O = ceil((S + 2 pad - I) / stride) + 1, or floor with round_mode FLOOR,
// less a last window that would begin behind the end of the input. A second top of y's shape holds
// where in its plane each value was (MAX, STOCHASTIC in TRAIN), as h * W + w. Gradients: of MAX and
// STOCHASTIC, dy goes to the element that was taken (the first of equal ones); of AVE, every
// element of the window gets dy / size.
//
// Sources: Caffe's Pooling; Zeiler and Fergus, "Stochastic pooling for regularization of deep
// convolutional neural networks", 2013. Unlike Caffe, which gives a window outside the input the
// value -FLT_MAX when there is no padding and the stride exceeds the kernel, such windows are left
// out.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <string>

#include "pooling.kernel.h.inc"
#include "pooling.proto.inc"
#include "spatial_window.hpp"

namespace dlrun {
namespace {

constexpr int kFirstSpatialAxis = 2;

class Pooling final : public Layer {
 public:
  explicit Pooling(const Params& layer)
      : params_(layer.message("pooling_param")),
        method_(params_.get<std::string>("pool")),
        is_global_(params_.get<bool>("global_pooling")),
        rounds_up_(params_.get<std::string>("round_mode") == "CEIL"),
        kernel_(params_, "kernel_size", "kernel", 1, std::nullopt),
        stride_(params_, "stride", "stride", 1, 1),
        pad_(params_, "pad", "pad", 0, 0) {
    if (is_global_ && kernel_.is_set()) {
      params_.fail(kernel_.name(),
                   "global_pooling takes the whole plane as its window; remove " + kernel_.name());
    }
    if (!is_global_ && !kernel_.is_set()) {
      params_.fail("", "kernel_size is missing; or set kernel_h and kernel_w, or global_pooling");
    }
  }

  void setup(SetupContext& context) override {
    draws_ = method_ == "STOCHASTIC" && context.is_training();
    may_run_backward_ = context.may_run_backward();
    has_positions_ = context.n_tops() > 1;
    if (has_positions_ && method_ != "MAX" && !draws_) {
      throw Error("a second top holds where values were taken from, which pool: " + method_ +
                  " doesn't do; remove it");
    }
    LayerFacts facts;
    facts.per_sample = 1;
    facts.uses_random = draws_;
    context.facts(facts);
    BottomFacts x;
    x.data_needed_in_backward = 0;
    context.bottom_facts(0, x);
    TopFacts y;
    y.data_needed_in_backward = 0;
    for (int i = 0; i < context.n_tops(); ++i)
      context.top_facts(i, y);
  }

  void reshape(ReshapeContext& context) override {
    const Shape x = context.bottom_shape(0);
    set_window(x);
    Shape y{x[0], x[1]};
    for (const int64_t size : window_.list(window_.out))
      y.push_back(size);
    for (int i = 0; i < context.n_tops(); ++i)
      context.top(i, y);
    planes_ = x[0] * x[1];
    describe_operators(context, x, y);
    if (keeps_positions()) positions_ = context.reserve(y, DLR_I32, forward_);
    context.cost(static_cast<double>(y.count() * product(window_.kernel)),
                 static_cast<double>(bytes_of(context.dtype())) *
                     static_cast<double>(x.count() + y.count()));
  }

  void forward(RunContext& context) override {
    const Tensor x = context.bottom(0);
    const Tensor y = context.top(0);
    if (context.has_operator(forward_)) {
      context.run_operator(forward_, read(x), write(y));
    } else if (keeps_positions()) {
      const Tensor at = context.scratch(positions_);
      find_positions(context, x, at);
      context.launch(kernels::pooling_pick, planes_, product(window_.out), read(x), read(at),
                     write(y), product(window_.in), product(window_.out));
      if (has_positions_) {
        context.launch(kernels::pooling_positions, y.count(), 1, read(at), write(context.top(1)));
      }
    } else if (method_ == "MAX") {
      launch_over_outputs(context, kernels::pooling_max, read(x), write(y));
    } else if (method_ == "AVE") {
      launch_over_outputs(context, kernels::pooling_average, read(x), write(y));
    } else {
      launch_over_outputs(context, kernels::pooling_expected, read(x), write(y));
    }
  }

  void backward(RunContext& context) override {
    const Tensor dx = context.bottom_gradient(0);
    if (!dx) return;
    const Tensor dy = context.top_gradient(0);
    if (context.has_operator(backward_)) {
      context.run_operator(backward_, read(dy), write(dx));
    } else if (method_ == "AVE") {
      launch_over_inputs(context, kernels::pooling_average_gradient, read(dy), write(dx));
    } else {
      if (!keeps_positions()) throw Error("pool: STOCHASTIC has no gradient in phase TEST");
      launch_over_inputs(context, kernels::pooling_picked_gradient,
                         read(context.scratch(positions_)), read(dy), write(dx));
    }
  }

 private:
  // Forward notes where each value was taken from: for the second top, or because a backward may
  // follow.
  bool keeps_positions() const {
    return has_positions_ || draws_ || (method_ == "MAX" && may_run_backward_);
  }

  void set_window(const Shape& x) {
    window_ = SpatialWindow{};
    window_.axes = x.rank() - kFirstSpatialAxis;
    if (window_.axes < 1 || window_.axes > kMaxSpatialAxes) {
      throw Error("bottom 0 has shape " + x.text() +
                  "; expected N x C and 1 to 3 spatial axes behind them");
    }
    window_.in = spatial_sizes(x, window_.axes);
    window_.kernel = is_global_ ? window_.in : kernel_.resolve(window_.axes, window_.kernel);
    window_.stride = stride_.resolve(window_.axes, window_.stride);
    window_.pad = pad_.resolve(window_.axes, window_.pad);
    if (is_global_ && (window_.stride != Spatial{1, 1, 1} || window_.pad != Spatial{0, 0, 0})) {
      params_.fail("global_pooling", "global_pooling allows no pad and no stride other than 1");
    }
    for (size_t axis = 0; axis < kMaxSpatialAxes; ++axis)
      set_output_size(x, axis);
  }

  void set_output_size(const Shape& x, size_t axis) {
    const int64_t in = window_.in[axis];
    const int64_t kernel = window_.kernel[axis];
    const int64_t stride = window_.stride[axis];
    const int64_t pad = window_.pad[axis];
    if (pad >= kernel) {
      params_.fail(pad_.name(), "a pad of " + std::to_string(pad) + " leaves windows of size " +
                                    std::to_string(kernel) +
                                    " without any input; it must be smaller");
    }
    const int64_t room = in + 2 * pad - kernel;
    if (room < 0) {
      params_.fail(kernel_.name(), "the window covers " + std::to_string(kernel) +
                                       " elements of an axis that has " +
                                       std::to_string(in + 2 * pad) +
                                       " with its padding; the bottom has shape " + x.text());
    }
    int64_t out = (rounds_up_ ? room + stride - 1 : room) / stride + 1;
    while ((out - 1) * stride >= in + pad)
      --out;
    window_.out[axis] = out;
  }

  void describe_operators(ReshapeContext& context, const Shape& x, const Shape& y) {
    if (method_ == "STOCHASTIC" || has_positions_) return;
    const bool is_max = method_ == "MAX";
    const auto describe = [&](const std::string& direction, const Shape& from, const Shape& to) {
      OperatorDesc desc((is_max ? "pooling_max_" : "pooling_average_") + direction);
      desc.attribute("kernel", window_.list(window_.kernel));
      desc.attribute("stride", window_.list(window_.stride));
      desc.attribute("pad", window_.list(window_.pad));
      if (is_max) desc.attribute("training", may_run_backward_);
      if (is_max && may_run_backward_) desc.attribute("pair", 0);
      desc.argument(from, context.dtype()).argument(to, context.dtype());
      return desc;
    };
    forward_ = context.add_operator(describe("forward", x, y), "forward");
    if (!may_run_backward_) return;
    backward_ = context.add_operator(describe("backward", y, x));
  }

  void find_positions(RunContext& context, Tensor x, Tensor at) {
    if (method_ == "MAX") {
      launch_over_outputs(context, kernels::pooling_max_at, read(x), write(at));
    } else {
      const dlr_random_key key = context.random_key();
      launch_over_outputs(context, kernels::pooling_draw_at, read(x), write(at), key.seed,
                          key.stream);
    }
  }

  template <class... Arguments>
  void launch_over_outputs(RunContext& context, const dlr_kernel& kernel,
                           const Arguments&... arguments) {
    launch_over(context, kernel, window_.out, arguments...);
  }
  template <class... Arguments>
  void launch_over_inputs(RunContext& context, const dlr_kernel& kernel,
                          const Arguments&... arguments) {
    launch_over(context, kernel, window_.in, arguments...);
  }
  // One row for each line of planes of these sizes.
  template <class... Arguments>
  void launch_over(RunContext& context, const dlr_kernel& kernel, const Spatial& sizes,
                   const Arguments&... arguments) {
    const SpatialWindow& w = window_;
    context.launch(kernel, planes_ * sizes[0] * sizes[1], sizes[2], arguments..., w.in[0], w.in[1],
                   w.in[2], w.kernel[0], w.kernel[1], w.kernel[2], w.stride[0], w.stride[1],
                   w.stride[2], w.pad[0], w.pad[1], w.pad[2], w.out[0], w.out[1], w.out[2]);
  }

  Params params_;
  std::string method_;
  bool is_global_;
  bool rounds_up_;
  WindowField kernel_;
  WindowField stride_;
  WindowField pad_;
  bool draws_ = false;
  bool may_run_backward_ = false;
  bool has_positions_ = false;

  SpatialWindow window_;
  int64_t planes_ = 0;  // N * C
  int forward_ = -1;
  int backward_ = -1;
  int positions_ = -1;
};

const dlr_kernel* const kKernels[] = {&kernels::pooling_max,
                                      &kernels::pooling_max_at,
                                      &kernels::pooling_draw_at,
                                      &kernels::pooling_expected,
                                      &kernels::pooling_pick,
                                      &kernels::pooling_positions,
                                      &kernels::pooling_picked_gradient,
                                      &kernels::pooling_average,
                                      &kernels::pooling_average_gradient};
const dlr_layer_type kPooling = layer_type<Pooling>({1, 1, 1, 2}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.pooling", "1.0.0", pooling_proto,
           DLR_PROVIDE("dlrun.layer/1", "Pooling", "largest or mean value of sliding windows",
                       dlrun::kPooling));
