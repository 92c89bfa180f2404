// Flatten: makes the axes from `axis` to `end_axis` one, without moving anything.
//
// Shapes: x [N,C,H,W] becomes y [N, C*H*W] by default. The top is a view of the bottom, so there is
// nothing to compute. Source: Caffe's Flatten.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <string>

#include "flatten.proto.inc"

namespace dlrun {
namespace {

class Flatten final : public Layer {
 public:
  explicit Flatten(const Params& layer)
      : params_(layer.message("flatten_param")),
        axis_(params_.get<int64_t>("axis")),
        end_axis_(params_.get<int64_t>("end_axis")) {}

  void setup(SetupContext& context) override {
    BottomFacts bottom;
    bottom.data_needed_in_backward = 0;
    context.bottom_facts(0, bottom);
    TopFacts top;
    top.view_of = 0;
    top.data_needed_in_backward = 0;
    context.top_facts(0, top);
    LayerFacts facts;
    facts.per_sample = context.bottom_shape(0).axis(axis_) > 0;
    facts.zero_to_zero = 1;
    context.facts(facts);
  }

  void reshape(ReshapeContext& context) override {
    const Shape bottom = context.bottom_shape(0);
    const int first = bottom.axis(axis_);
    const int last = bottom.axis(end_axis_);
    if (last < first) {
      params_.fail("end_axis", "end_axis is axis " + std::to_string(last) +
                                   " of a bottom of shape " + bottom.text() +
                                   ", which comes before axis " + std::to_string(first));
    }
    Shape top;
    for (int axis = 0; axis < first; ++axis)
      top.push_back(bottom[axis]);
    top.push_back(bottom.count(first, last + 1));
    for (int axis = last + 1; axis < bottom.rank(); ++axis)
      top.push_back(bottom[axis]);
    context.top(0, top);
  }

  void forward(RunContext&) override {}

 private:
  Params params_;
  int64_t axis_;
  int64_t end_axis_;
};

const dlr_layer_type kFlatten = layer_type<Flatten>({1, 1, 1, 1});

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.flatten", "1.0.0", flatten_proto,
           DLR_PROVIDE("dlrun.layer/1", "Flatten", "several axes become one", dlrun::kFlatten));
