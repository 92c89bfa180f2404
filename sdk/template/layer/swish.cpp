// Swish: x times the sigmoid of beta x.
//
//   y = x s,  s = 1 / (1 + exp(-beta x))
//
// Shapes: y is like x, any. Gradient: dx = dy (s + beta y (1 - s)).
// Source: Ramachandran, Zoph, Le, "Searching for Activation Functions", 2017.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include "swish.kernel.h.inc"
#include "swish.proto.inc"

namespace {

using dlrun::read;
using dlrun::write;

class Swish final : public dlrun::Layer {
 public:
  explicit Swish(const dlrun::Params& layer) : beta_(layer.message("swish_param").get<float>("beta")) {}

  void setup(dlrun::SetupContext& context) override {
    dlrun::LayerFacts facts;
    facts.elementwise = 1;
    facts.zero_to_zero = 1;
    facts.per_sample = 1;
    context.facts(facts);
    dlrun::TopFacts y;
    y.data_needed_in_backward = 0;
    context.top_facts(0, y);
    dlrun::BottomFacts x;
    x.gradient_inplace_of = 0;
    context.bottom_facts(0, x);
  }

  void reshape(dlrun::ReshapeContext& context) override { context.top(0, context.bottom_shape(0)); }

  void forward(dlrun::RunContext& context) override {
    const dlrun::Tensor x = context.bottom(0);
    context.launch(kernels::swish_forward, x.count(), 1, read(x), write(context.top(0)), beta_);
  }

  void backward(dlrun::RunContext& context) override {
    const dlrun::Tensor dx = context.bottom_gradient(0);
    if (!dx) return;
    context.launch(kernels::swish_backward, dx.count(), 1, read(context.bottom(0)), read(context.top_gradient(0)),
                   write(dx), beta_);
  }

 private:
  float beta_;
};

const dlr_kernel* const kKernels[] = {&kernels::swish_forward, &kernels::swish_backward};
const dlr_layer_type kType = dlrun::layer_type<Swish>({1, 1, 1, 1}, kKernels, 2);  // bottoms and tops, least and most

}  // namespace

DLR_PLUGIN("com.example.swish", "1.0.0", swish_proto,
           DLR_PROVIDE("dlrun.layer/1", "Swish", "x times the sigmoid of beta x", kType));
