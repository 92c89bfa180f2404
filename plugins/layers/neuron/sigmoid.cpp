// Sigmoid: the logistic function, from 0 to 1.
//
//   y = 1 / (1 + exp(-x))
//   dx = dy y (1 - y)
//
// Shapes: any, y as x. Source: Caffe's Sigmoid.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include "sigmoid.kernel.h.inc"
#include "sigmoid.proto.inc"

namespace dlrun {
namespace {

class Sigmoid final : public Layer {
 public:
  explicit Sigmoid(const Params&) {}

  void setup(SetupContext& context) override {
    LayerFacts facts;
    facts.elementwise = 1;
    facts.zero_to_zero = 0;
    facts.per_sample = 1;
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
    context.top(0, shape);
    OperatorDesc forward("sigmoid_forward");
    forward.argument(shape, context.dtype()).argument(shape, context.dtype());
    forward_ = context.add_operator(std::move(forward), "forward");
  }

  void forward(RunContext& context) override {
    const Tensor x = context.bottom(0);
    const Tensor y = context.top(0);
    if (context.has_operator(forward_)) {
      context.run_operator(forward_, read(x), write(y));
    } else {
      context.launch(kernels::sigmoid_forward, x.count(), 1, read(x), write(y));
    }
  }

  void backward(RunContext& context) override {
    const Tensor dx = context.bottom_gradient(0);
    if (!dx) return;
    context.launch(kernels::sigmoid_backward, dx.count(), 1, read(context.top(0)),
                   read(context.top_gradient(0)), write(dx));
  }

 private:
  int forward_ = -1;
};

const dlr_kernel* const kKernels[] = {&kernels::sigmoid_forward, &kernels::sigmoid_backward};
const dlr_layer_type kSigmoid = layer_type<Sigmoid>({1, 1, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.sigmoid", "1.0.0", sigmoid_proto,
           DLR_PROVIDE("dlrun.layer/1", "Sigmoid", "1 / (1 + exp(-x))", dlrun::kSigmoid));
