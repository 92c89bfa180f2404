// Concat: joins bottoms along an axis, in their order.
//
//   y = [x0, x1, ...]
//   dx0, dx1, ... = the parts of dy
//
// Shapes: alike but for `axis`, where the top has the sum. Source: Caffe's Concat.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <string>
#include <vector>

#include "concat.kernel.h.inc"
#include "concat.proto.inc"

namespace dlrun {
namespace {

class Concat final : public Layer {
 public:
  explicit Concat(const Params& layer) {
    const Params params = layer.message("concat_param");
    if (params.has("axis") && params.has("concat_dim")) {
      params.fail("concat_dim", "axis and concat_dim are both set; remove concat_dim");
    }
    axis_ = params.get<int64_t>(params.has("concat_dim") ? "concat_dim" : "axis");
  }

  void setup(SetupContext& context) override {
    LayerFacts facts;
    facts.per_sample = context.bottom_shape(0).axis(axis_) > 0;
    facts.zero_to_zero = 1;
    context.facts(facts);
    BottomFacts bottom;
    bottom.data_needed_in_backward = 0;
    for (int i = 0; i < context.n_bottoms(); ++i)
      context.bottom_facts(i, bottom);
    TopFacts top;
    top.data_needed_in_backward = 0;
    if (context.n_bottoms() == 1) top.view_of = 0;
    context.top_facts(0, top);
  }

  void reshape(ReshapeContext& context) override {
    const Shape first = context.bottom_shape(0);
    const int axis = first.axis(axis_);
    Shape top = first;
    top[axis] = 0;
    for (int i = 0; i < context.n_bottoms(); ++i) {
      require_alike(first, context.bottom_shape(i), i, axis);
      top[axis] += context.bottom_shape(i)[axis];
    }
    context.top(0, top);
    axis_index_ = axis;
    rows_ = top.count(0, axis);
    whole_ = top.count(axis, top.rank());
    describe_operator(context, top);
    context.cost(0, 2.0 * static_cast<double>(top.count()) * bytes_of(context.dtype()));
  }

  void forward(RunContext& context) override {
    if (context.has_operator(concat_)) return run_whole(context);
    int64_t first = 0;
    for (int i = 0; i < context.n_bottoms(); ++i) {
      const int64_t width = this->width(context, i);
      context.launch(kernels::concat_put, rows_, width, read(context.bottom(i)),
                     write_part(context.top(0), i == 0), width, whole_, first);
      first += width;
    }
  }

  void backward(RunContext& context) override {
    int64_t first = 0;
    for (int i = 0; i < context.n_bottoms(); ++i) {
      const int64_t width = this->width(context, i);
      if (const Tensor dx = context.bottom_gradient(i)) {
        context.launch(kernels::concat_take, rows_, width, read(context.top_gradient(0)), write(dx),
                       width, whole_, first);
      }
      first += width;
    }
  }

 private:
  static void require_alike(const Shape& first, const Shape& other, int index, int axis) {
    Shape expected = first;
    if (other.rank() == first.rank()) expected[axis] = other[axis];
    if (other != expected) {
      throw Error("bottom " + std::to_string(index) + " has shape " + other.text() +
                  " and bottom 0 " + first.text() + "; they may differ in axis " +
                  std::to_string(axis) + " only");
    }
  }

  void describe_operator(ReshapeContext& context, const Shape& top) {
    OperatorDesc concat("concat");
    concat.attribute("axis", axis_index_);
    for (int i = 0; i < context.n_bottoms(); ++i) {
      concat.argument(context.bottom_shape(i), context.dtype());
    }
    concat.argument(top, context.dtype());
    concat_ = context.add_operator(std::move(concat));
  }

  void run_whole(RunContext& context) {
    arguments_.clear();
    for (int i = 0; i < context.n_bottoms(); ++i)
      arguments_.push_back(read(context.bottom(i)));
    arguments_.push_back(write(context.top(0)));
    context.run_operator(concat_, arguments_);
  }

  // Elements of bottom i in one row of the top.
  int64_t width(const LayerContext& context, int i) const {
    const Shape shape = context.bottom_shape(i);
    return shape.count(axis_index_, shape.rank());
  }

  int64_t axis_;
  int axis_index_ = 0;
  int64_t rows_ = 0;
  int64_t whole_ = 0;  // elements of one row of the top
  int concat_ = -1;
  std::vector<dlr_arg> arguments_;
};

const dlr_kernel* const kKernels[] = {&kernels::concat_put, &kernels::concat_take};
const dlr_layer_type kConcat =
    layer_type<Concat>({1, DLR_UNBOUNDED, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.concat", "1.0.0", concat_proto,
           DLR_PROVIDE("dlrun.layer/1", "Concat", "joins bottoms along an axis", dlrun::kConcat));
