// TanH: the hyperbolic tangent, from -1 to 1.
//
//   y = tanh(x)
//   dx = dy (1 - y^2)
//
// Shapes: any, y as x. Source: Caffe's TanH.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include "tanh.kernel.h.inc"
#include "tanh.proto.inc"

namespace dlrun {
namespace {

class TanH final : public Layer {
 public:
  explicit TanH(const Params&) {}

  void setup(SetupContext& context) override {
    LayerFacts facts;
    facts.elementwise = 1;
    facts.zero_to_zero = 1;
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
    OperatorDesc forward("tanh_forward");
    forward.argument(shape, context.dtype()).argument(shape, context.dtype());
    forward_ = context.add_operator(std::move(forward), "forward");
  }

  void forward(RunContext& context) override {
    const Tensor x = context.bottom(0);
    const Tensor y = context.top(0);
    if (context.has_operator(forward_)) {
      context.run_operator(forward_, read(x), write(y));
    } else {
      context.launch(kernels::tanh_forward, x.count(), 1, read(x), write(y));
    }
  }

  void backward(RunContext& context) override {
    const Tensor dx = context.bottom_gradient(0);
    if (!dx) return;
    context.launch(kernels::tanh_backward, dx.count(), 1, read(context.top(0)),
                   read(context.top_gradient(0)), write(dx));
  }

 private:
  int forward_ = -1;
};

const dlr_kernel* const kKernels[] = {&kernels::tanh_forward, &kernels::tanh_backward};
const dlr_layer_type kTanH = layer_type<TanH>({1, 1, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.tanh", "1.0.0", tanh_proto,
           DLR_PROVIDE("dlrun.layer/1", "TanH", "tanh(x)", dlrun::kTanH));
