// Dropout: sets a random part of the elements to 0 while training, so that units don't rely on each
// other.
//
//   TRAIN: y[i] = m[i] x[i] / (1 - ratio),  dx[i] = m[i] dy[i] / (1 - ratio)
//          m[i] is 0 with probability dropout_ratio, else 1; drawn anew in every iteration
//   TEST:  y = x
//
// m is a pure function of the layer, the iteration and i, so backward draws it again instead of
// keeping it. Shapes: any, y as x. Sources: Srivastava et al., "Dropout: a simple way to prevent
// neural networks from overfitting", 2014; Caffe's Dropout.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <string>

#include "dropout.kernel.h.inc"
#include "dropout.proto.inc"

namespace dlrun {
namespace {

class Dropout final : public Layer {
 public:
  explicit Dropout(const Params& layer) {
    const Params params = layer.message("dropout_param");
    ratio_ = params.get<double>("dropout_ratio");
    if (!(ratio_ >= 0 && ratio_ < 1)) {
      params.fail("dropout_ratio", "dropout_ratio is " + std::to_string(ratio_) +
                                       ", expected at least 0 and less than 1");
    }
  }

  void setup(SetupContext& context) override {
    const bool is_training = context.is_training();
    LayerFacts facts;
    facts.identity_in_test = 1;
    facts.uses_random = is_training;
    facts.zero_to_zero = 1;
    facts.per_sample = 1;
    context.facts(facts);
    BottomFacts x;
    x.data_needed_in_backward = 0;
    x.gradient_inplace_of = 0;
    context.bottom_facts(0, x);
    TopFacts y;
    y.data_needed_in_backward = 0;
    if (is_training) {
      y.inplace_of = 0;
    } else {
      y.view_of = 0;
    }
    context.top_facts(0, y);
  }

  void reshape(ReshapeContext& context) override { context.top(0, context.bottom_shape(0)); }

  void forward(RunContext& context) override { drop(context, context.bottom(0), context.top(0)); }

  void backward(RunContext& context) override {
    const Tensor dx = context.bottom_gradient(0);
    if (dx) drop(context, context.top_gradient(0), dx);
  }

 private:
  void drop(RunContext& context, Tensor from, Tensor to) const {
    const dlr_random_key key = context.random_key();
    const auto threshold = static_cast<uint32_t>(ratio_ * 4294967296.0);  // 2^32
    context.launch(kernels::dropout, to.count(), 1, read(from), write(to), key.seed, key.stream,
                   threshold, 1 / (1 - ratio_));
  }

  double ratio_;
};

const dlr_kernel* const kKernels[] = {&kernels::dropout};
const dlr_layer_type kDropout = layer_type<Dropout>({1, 1, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.dropout", "1.0.0", dropout_proto,
           DLR_PROVIDE("dlrun.layer/1", "Dropout", "random zeros while training", dlrun::kDropout));
