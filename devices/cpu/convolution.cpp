// convolution.cpp: the operators convolution_forward, convolution_backward_data,
// convolution_backward_weights and deconvolution_forward.
#include "gather.hpp"
#include "scatter.hpp"
#include "weights_gradient.hpp"

namespace dlrun::cpu {
namespace {

// x [N, groups * channels, in...], w [groups * rows, channels, kernel...], y [N, groups * rows,
// out...]
struct ConvolutionShape {
  int64_t images;
  int64_t groups;
  int64_t channels;
  int64_t rows;
  Window window;

  int64_t depth() const { return channels * window.taps(); }
};

void require(bool condition, const OpView& op, const Shape& x, const Shape& w, const Shape& y) {
  if (condition) return;
  throw Error(std::string(op.op()) + ": shapes " + x.text() + ", " + w.text() + " and " + y.text() +
              " don't fit together");
}

ConvolutionShape read_shape(const OpView& op, const Shape& x, const Shape& w, const Shape& y) {
  const bool ranks_agree = x.rank() >= 2 && w.rank() == x.rank() && y.rank() == x.rank();
  require(ranks_agree, op, x, w, y);
  ConvolutionShape shape{x[0], op.integer("group", 1), 0, 0, read_window(op, x, y)};
  require(shape.groups > 0 && w[0] % shape.groups == 0 && x[1] == w[1] * shape.groups, op, x, w, y);
  require(y[0] == x[0] && y[1] == w[0], op, x, w, y);
  shape.channels = w[1];
  shape.rows = w[0] / shape.groups;
  const Window& window = shape.window;
  for (size_t axis = 0; axis < window.in.size(); ++axis) {
    const int64_t reach = (window.out[axis] - 1) * window.stride[axis] +
                          (window.kernel[axis] - 1) * window.dilation[axis];
    const bool fits = window.kernel[axis] == w[static_cast<int>(axis) + 2] &&
                      window.stride[axis] > 0 && window.pad[axis] >= 0 &&
                      window.dilation[axis] > 0 && window.out[axis] > 0 &&
                      reach < window.in[axis] + 2 * window.pad[axis];
    require(fits, op, x, w, y);
  }
  if (x.count() == 0 || w.count() == 0) throw Declined("a convolution of nothing");
  return shape;
}

template <class T>
class ForwardPlan final : public dlr_plan {
 public:
  ForwardPlan(const Device& device, const ConvolutionShape& s, WorkspaceLayout& workspace)
      : gather_(device,
                {s.images, s.groups, s.channels, s.rows, s.window, s.rows * s.depth(), s.depth(),
                 s.window.taps(), false},
                workspace) {}

  void run(const RunArgs& args) override {
    gather_.run(args.arg<const T>(0), args.arg<const T>(1), args.arg<const T>(2), args.arg<T>(3),
                false, args.workspace());
  }

 private:
  Gather<T> gather_;
};

// The gradient by data is also a transposed convolution's forward, whose arguments are x, w, bias?
// and y. Indices; beyond the last argument where there is none.
struct DataArguments {
  explicit DataArguments(const OpView& op)
      : dx(op.op() == "deconvolution_forward" ? 3 : 2), bias(dx == 3 ? 2 : 3) {}
  uint32_t dx;
  uint32_t bias;
};

template <class T>
class ScatterPlan final : public dlr_plan {
 public:
  ScatterPlan(const Device& device, const ConvolutionShape& s, DataArguments at, bool add,
              WorkspaceLayout& workspace)
      : scatter_(device, {s.images, s.groups, s.channels, s.rows, s.window}, workspace),
        at_(at),
        add_(add) {}

  void run(const RunArgs& args) override {
    scatter_.run(args.arg<const T>(0), args.arg<const T>(1), args.arg<const T>(at_.bias),
                 args.arg<T>(at_.dx), add_, args.workspace());
  }

 private:
  Scatter<T> scatter_;
  DataArguments at_;
  bool add_;
};

// At stride 1 the gradient by data is the convolution of dy with the weights turned around.
template <class T>
class TurnedPlan final : public dlr_plan {
 public:
  TurnedPlan(const Device& device, const ConvolutionShape& s, DataArguments at, bool add,
             WorkspaceLayout& workspace)
      : gather_(device,
                {s.images, s.groups, s.rows, s.channels, turned(s.window), s.rows * s.depth(),
                 s.window.taps(), s.depth(), true},
                workspace),
        at_(at),
        add_(add) {}

  // Whether that is possible, and takes not many more products than scattering does.
  static bool pays(const Window& window) {
    for (size_t axis = 0; axis < window.in.size(); ++axis) {
      if (window.stride[axis] != 1 ||
          window.pad[axis] > window.dilation[axis] * (window.kernel[axis] - 1))
        return false;
    }
    constexpr double kScatteringCost = 1.3;
    return static_cast<double>(window.in_count()) <=
           kScatteringCost * static_cast<double>(window.out_count());
  }

  void run(const RunArgs& args) override {
    gather_.run(args.arg<const T>(0), args.arg<const T>(1), args.arg<const T>(at_.bias),
                args.arg<T>(at_.dx), add_, args.workspace());
  }

 private:
  static Window turned(const Window& window) {
    Window turned = window;
    turned.in = window.out;
    turned.out = window.in;
    for (size_t axis = 0; axis < window.in.size(); ++axis) {
      turned.pad[axis] = window.dilation[axis] * (window.kernel[axis] - 1) - window.pad[axis];
    }
    return turned;
  }

  Gather<T> gather_;
  DataArguments at_;
  bool add_;
};

template <class T>
class WeightsPlan final : public dlr_plan {
 public:
  WeightsPlan(const Device& device, const ConvolutionShape& s, bool add, WorkspaceLayout& workspace)
      : gradient_(device, {s.images, s.groups, s.channels, s.rows, s.window}, workspace),
        add_(add) {}

  void run(const RunArgs& args) override {
    gradient_.run(args.arg<const T>(0), args.arg<const T>(1), args.arg<T>(2), args.arg<T>(3), add_,
                  args.workspace());
  }

 private:
  WeightsGradient<T> gradient_;
  bool add_;
};

}  // namespace

std::unique_ptr<dlr_plan> plan_convolution_forward(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    const ConvolutionShape shape = read_shape(op, op.shape(0), op.shape(1), op.shape(3));
    return with_workspace(op, [&](WorkspaceLayout& workspace) {
      return std::make_unique<ForwardPlan<T>>(device, shape, workspace);
    });
  });
}

std::unique_ptr<dlr_plan> plan_convolution_backward_data(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    const DataArguments at(op);
    const Shape dx = op.shape(static_cast<int>(at.dx));
    const ConvolutionShape shape = read_shape(op, dx, op.shape(1), op.shape(0));
    const bool add = op.desc().accumulate != 0;
    op.desc().accumulate_accepted = op.desc().accumulate;
    return with_workspace(op, [&](WorkspaceLayout& workspace) -> std::unique_ptr<dlr_plan> {
      if (TurnedPlan<T>::pays(shape.window))
        return std::make_unique<TurnedPlan<T>>(device, shape, at, add, workspace);
      return std::make_unique<ScatterPlan<T>>(device, shape, at, add, workspace);
    });
  });
}

std::unique_ptr<dlr_plan> plan_convolution_backward_weights(const Device& device,
                                                            const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    const ConvolutionShape shape = read_shape(op, op.shape(0), op.shape(2), op.shape(1));
    const bool add = op.desc().accumulate != 0;
    op.desc().accumulate_accepted = op.desc().accumulate;
    return with_workspace(op, [&](WorkspaceLayout& workspace) {
      return std::make_unique<WeightsPlan<T>>(device, shape, add, workspace);
    });
  });
}

}  // namespace dlrun::cpu
