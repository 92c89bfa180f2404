// Split: gives one bottom several names.
//
//   y0 = y1 = ... = x,  dx = dy0 + dy1 + ...
//
// Nets don't need it: a top may be read by any number of layers. It is here for files that contain
// it. The tops are views of the bottom, and dlrun itself adds the gradients. Source: Caffe's Split.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

namespace dlrun {
namespace {

class Split final : public Layer {
 public:
  explicit Split(const Params&) {}

  void setup(SetupContext& context) override {
    BottomFacts bottom;
    bottom.data_needed_in_backward = 0;
    context.bottom_facts(0, bottom);
    TopFacts top;
    top.view_of = 0;
    top.data_needed_in_backward = 0;
    for (int i = 0; i < context.n_tops(); ++i)
      context.top_facts(i, top);
    LayerFacts facts;
    facts.elementwise = 1;
    facts.zero_to_zero = 1;
    facts.per_sample = 1;
    context.facts(facts);
  }

  void reshape(ReshapeContext& context) override {
    for (int i = 0; i < context.n_tops(); ++i)
      context.top(i, context.bottom_shape(0));
  }

  void forward(RunContext&) override {}
};

const dlr_layer_type kSplit = layer_type<Split>({1, 1, 1, DLR_UNBOUNDED});

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.split", "1.0.0", "",
           DLR_PROVIDE("dlrun.layer/1", "Split", "several names for one bottom", dlrun::kSplit));
