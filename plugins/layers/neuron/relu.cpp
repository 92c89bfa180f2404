// ReLU, the rectified linear unit; leaky with a negative_slope other than 0.
//
//   y = x        dx = dy          where x > 0
//   y = slope x  dx = slope dy    elsewhere
//
// Shapes: any, y as x. Source: Nair and Hinton, "Rectified linear units improve restricted
// Boltzmann machines", 2010; Maas et al., "Rectifier nonlinearities improve neural network acoustic
// models", 2013.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include "relu.kernel.h.inc"
#include "relu.proto.inc"

namespace dlrun {
namespace {

class Relu final : public Layer {
 public:
  explicit Relu(const Params& layer)
      : slope_(layer.message("relu_param").get<double>("negative_slope")) {}

  void setup(SetupContext& context) override {
    LayerFacts facts;
    facts.elementwise = 1;
    facts.zero_to_zero = 1;
    facts.per_sample = 1;
    context.facts(facts);
    // y has the signs of x unless the slope is negative: then backward reads y, and x may be gone.
    BottomFacts x;
    x.data_needed_in_backward = !signs_are_in_top();
    x.gradient_inplace_of = 0;
    context.bottom_facts(0, x);
    TopFacts y;
    y.data_needed_in_backward = signs_are_in_top();
    y.inplace_of = 0;
    context.top_facts(0, y);
  }

  void reshape(ReshapeContext& context) override {
    const Shape shape = context.bottom_shape(0);
    context.top(0, shape);
    OperatorDesc forward("relu_forward");
    forward.number("slope", slope_);
    forward.argument(shape, context.dtype()).argument(shape, context.dtype());
    forward_ = context.add_operator(std::move(forward), "forward");
    context.cost(static_cast<double>(shape.count()),
                 2.0 * static_cast<double>(shape.count()) * bytes_of(context.dtype()));
  }

  void forward(RunContext& context) override {
    const Tensor x = context.bottom(0);
    const Tensor y = context.top(0);
    if (context.has_operator(forward_)) {
      context.run_operator(forward_, read(x), write(y));
    } else {
      context.launch(kernels::relu_forward, x.count(), 1, read(x), write(y), slope_);
    }
  }

  void backward(RunContext& context) override {
    const Tensor dx = context.bottom_gradient(0);
    if (!dx) return;
    const Tensor signs = signs_are_in_top() ? context.top(0) : context.bottom(0);
    context.launch(kernels::relu_backward, dx.count(), 1, read(signs),
                   read(context.top_gradient(0)), write(dx), slope_);
  }

 private:
  bool signs_are_in_top() const { return slope_ >= 0; }

  double slope_;
  int forward_ = -1;
};

const dlr_kernel* const kKernels[] = {&kernels::relu_forward, &kernels::relu_backward};
const dlr_layer_type kRelu = layer_type<Relu>({1, 1, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.relu", "1.0.0", relu_proto,
           DLR_PROVIDE("dlrun.layer/1", "ReLU", "max(x, 0), or leaky", dlrun::kRelu));
