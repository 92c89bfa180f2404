// Silence: reads bottoms and does nothing, so that nobody reports them as outputs of the net.
//
//   dx = 0
//
// Source: Caffe's Silence.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include "silence.kernel.h.inc"

namespace dlrun {
namespace {

class Silence final : public Layer {
 public:
  explicit Silence(const Params&) {}

  void setup(SetupContext& context) override {
    BottomFacts bottom;
    bottom.data_needed_in_backward = 0;
    for (int i = 0; i < context.n_bottoms(); ++i)
      context.bottom_facts(i, bottom);
  }

  void reshape(ReshapeContext&) override {}
  void forward(RunContext&) override {}

  void backward(RunContext& context) override {
    for (int i = 0; i < context.n_bottoms(); ++i) {
      const Tensor dx = context.bottom_gradient(i);
      if (dx) context.launch(kernels::silence_zero, dx.count(), 1, write(dx));
    }
  }
};

const dlr_kernel* const kKernels[] = {&kernels::silence_zero};
const dlr_layer_type kSilence = layer_type<Silence>({1, DLR_UNBOUNDED, 0, 0}, kKernels, 1);

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.silence", "1.0.0", "",
           DLR_PROVIDE("dlrun.layer/1", "Silence", "swallows bottoms", dlrun::kSilence));
