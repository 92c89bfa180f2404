// Input: tops of a given shape, whose values the caller of the net sets.
//
// Source: Caffe's Input.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <string>
#include <vector>

#include "input.proto.inc"

namespace dlrun {
namespace {

class Input final : public Layer {
 public:
  Input(const Params& layer, const LayerContext& context) {
    const Params params = layer.message("input_param");
    const int64_t n_shapes = params.count("shape");
    if (n_shapes != 1 && n_shapes != context.n_tops()) {
      params.fail("shape", "input_param has " + std::to_string(n_shapes) +
                               " shapes, but there are " + std::to_string(context.n_tops()) +
                               " tops; give one shape for all or one for each");
    }
    for (int64_t i = 0; i < n_shapes; ++i)
      shapes_.push_back(read_shape(params.message("shape", i)));
  }

  void setup(SetupContext& context) override {
    LayerFacts facts;
    facts.no_backward = 1;
    context.facts(facts);
    for (int i = 0; i < context.n_tops(); ++i) {
      TopFacts top;
      top.data_needed_in_backward = 0;
      context.top_facts(i, top);
    }
  }

  void reshape(ReshapeContext& context) override {
    for (int i = 0; i < context.n_tops(); ++i) {
      context.top(i, shapes_[shapes_.size() == 1 ? 0 : static_cast<size_t>(i)]);
    }
  }

  void forward(RunContext&) override {}

 private:
  static Shape read_shape(const Params& shape) {
    Shape result;
    for (const int64_t dim : shape.all<int64_t>("dim")) {
      if (dim < 0) shape.fail("dim", "dim is " + std::to_string(dim) + ", expected 0 or more");
      if (result.rank() == DLR_MAX_RANK) shape.fail("dim", "a shape has at most 8 dimensions");
      result.push_back(dim);
    }
    return result;
  }

  std::vector<Shape> shapes_;
};

const dlr_layer_type kInput = layer_type<Input>({0, 0, 1, DLR_UNBOUNDED});

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.input", "1.0.0", input_proto,
           DLR_PROVIDE("dlrun.layer/1", "Input", "tops that the caller fills", dlrun::kInput));
