// Softmax: turns scores along an axis into numbers above 0 that sum to 1.
//
//   y[n,c,s] = exp(x[n,c,s]) / sum over c of exp(x[n,c,s])
//   dx = y (dy - sum over c of y dy)
//
// Letters: C channels, the size of `axis`; N all axes before it, S all behind it. The largest x is
// subtracted first, so that no exponential overflows. Shapes: any, y as x. Source: Caffe's Softmax.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include "softmax.kernel.h.inc"
#include "softmax.proto.inc"

namespace dlrun {
namespace {

class Softmax final : public Layer {
 public:
  explicit Softmax(const Params& layer)
      : axis_(layer.message("softmax_param").get<int64_t>("axis")) {}

  void setup(SetupContext& context) override {
    LayerFacts facts;
    facts.per_sample = context.bottom_shape(0).axis(axis_) > 0;
    context.facts(facts);
    BottomFacts x;
    x.data_needed_in_backward = 0;
    x.gradient_inplace_of = 0;
    context.bottom_facts(0, x);
    TopFacts y;
    y.inplace_of = 0;
    context.top_facts(0, y);
  }

  void reshape(ReshapeContext& context) override {
    const Shape shape = context.bottom_shape(0);
    const int axis = shape.axis(axis_);
    outer_ = shape.count(0, axis);
    channels_ = shape[axis];
    inner_ = shape.count(axis + 1, shape.rank());
    context.top(0, shape);

    const auto describe = [&](const char* op, int n_arguments) {
      OperatorDesc desc(op);
      desc.attribute("axis", axis);
      for (int i = 0; i < n_arguments; ++i)
        desc.argument(shape, context.dtype());
      return desc;
    };
    forward_ = context.add_operator(describe("softmax_forward", 2), "forward");
    if (context.may_run_backward()) {
      backward_ = context.add_operator(describe("softmax_backward", 3));
    }
    context.cost(5.0 * static_cast<double>(shape.count()),
                 2.0 * static_cast<double>(shape.count()) * bytes_of(context.dtype()));
  }

  void forward(RunContext& context) override {
    const Tensor x = context.bottom(0);
    const Tensor y = context.top(0);
    if (context.has_operator(forward_)) {
      context.run_operator(forward_, read(x), write(y));
    } else if (inner_ == 1) {
      context.launch(kernels::softmax_rows, outer_, channels_, read(x), write(y), channels_);
    } else {
      context.launch(kernels::softmax_positions, outer_, inner_, read(x), write(y), channels_,
                     inner_);
    }
  }

  void backward(RunContext& context) override {
    const Tensor dx = context.bottom_gradient(0);
    if (!dx) return;
    const Tensor y = context.top(0);
    const Tensor dy = context.top_gradient(0);
    if (context.has_operator(backward_)) {
      context.run_operator(backward_, read(y), read(dy), write(dx));
    } else if (inner_ == 1) {
      context.launch(kernels::softmax_rows_gradient, outer_, channels_, read(y), read(dy),
                     write(dx), channels_);
    } else {
      context.launch(kernels::softmax_positions_gradient, outer_, inner_, read(y), read(dy),
                     write(dx), channels_, inner_);
    }
  }

 private:
  int64_t axis_;
  int64_t outer_ = 0;     // N
  int64_t channels_ = 0;  // C
  int64_t inner_ = 0;     // S
  int forward_ = -1;
  int backward_ = -1;
};

const dlr_kernel* const kKernels[] = {&kernels::softmax_rows, &kernels::softmax_positions,
                                      &kernels::softmax_rows_gradient,
                                      &kernels::softmax_positions_gradient};
const dlr_layer_type kSoftmax = layer_type<Softmax>({1, 1, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.softmax", "1.0.0", softmax_proto,
           DLR_PROVIDE("dlrun.layer/1", "Softmax", "scores to probabilities", dlrun::kSoftmax));
