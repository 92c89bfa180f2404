// Power: a power of a linear function.
//
//   y = (shift + scale x)^power
//   dx = dy power scale (shift + scale x)^(power - 1)
//
// A negative base with a fractional power gives NaN. Shapes: any, y as x. Source: Caffe's Power.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include "power.kernel.h.inc"
#include "power.proto.inc"

namespace dlrun {
namespace {

class Power final : public Layer {
 public:
  explicit Power(const Params& layer) {
    const Params params = layer.message("power_param");
    power_ = params.get<double>("power");
    scale_ = params.get<double>("scale");
    shift_ = params.get<double>("shift");
  }

  void setup(SetupContext& context) override {
    LayerFacts facts;
    facts.elementwise = 1;
    facts.per_sample = 1;
    facts.zero_to_zero = shift_ == 0 && power_ > 0;
    context.facts(facts);
    BottomFacts x;
    x.data_needed_in_backward = !has_constant_gradient();
    x.gradient_inplace_of = 0;
    context.bottom_facts(0, x);
    TopFacts y;
    y.data_needed_in_backward = 0;
    y.inplace_of = 0;
    context.top_facts(0, y);
  }

  void reshape(ReshapeContext& context) override { context.top(0, context.bottom_shape(0)); }

  void forward(RunContext& context) override {
    const Tensor x = context.bottom(0);
    const Tensor y = context.top(0);
    if (power_ == 1) {
      context.launch(kernels::power_linear, x.count(), 1, read(x), write(y), scale_, shift_);
    } else {
      context.launch(kernels::power_forward, x.count(), 1, read(x), write(y), power_, scale_,
                     shift_);
    }
  }

  void backward(RunContext& context) override {
    const Tensor dx = context.bottom_gradient(0);
    if (!dx) return;
    const Tensor dy = context.top_gradient(0);
    if (has_constant_gradient()) {
      context.launch(kernels::power_linear, dx.count(), 1, read(dy), write(dx), power_ * scale_,
                     0.0);
    } else {
      context.launch(kernels::power_backward, dx.count(), 1, read(context.bottom(0)), read(dy),
                     write(dx), power_, scale_, shift_);
    }
  }

 private:
  // y is linear in x or doesn't depend on it.
  bool has_constant_gradient() const { return power_ == 1 || power_ * scale_ == 0; }

  double power_;
  double scale_;
  double shift_;
};

const dlr_kernel* const kKernels[] = {&kernels::power_linear, &kernels::power_forward,
                                      &kernels::power_backward};
const dlr_layer_type kPower = layer_type<Power>({1, 1, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.power", "1.0.0", power_proto,
           DLR_PROVIDE("dlrun.layer/1", "Power", "(shift + scale x)^power", dlrun::kPower));
