// Reshape: gives the bottom other axes, without moving anything.
//
// Shapes: the num_axes axes from `axis` on are replaced by those of `shape`. There a 0 keeps the
// size of the bottom's axis at that place, and one -1 takes what is left. A negative `axis` counts
// from behind the last axis, so that -1 appends. The top is a view of the bottom, so there is
// nothing to compute. Source: Caffe's Reshape.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <string>
#include <vector>

#include "reshape.proto.inc"

namespace dlrun {
namespace {

class Reshape final : public Layer {
 public:
  explicit Reshape(const Params& layer)
      : params_(layer.message("reshape_param")),
        dims_(params_.message("shape").all<int64_t>("dim")),
        axis_(params_.get<int64_t>("axis")),
        num_axes_(params_.get<int64_t>("num_axes")) {
    int n_inferred = 0;
    for (const int64_t dim : dims_) {
      if (dim < -1) fail_shape("dim is " + std::to_string(dim) + ", expected -1, 0 or a size");
      n_inferred += dim == -1;
    }
    if (n_inferred > 1)
      fail_shape("-1 stands in shape more than once; only one size can be what is left");
    if (num_axes_ < -1) {
      params_.fail("num_axes",
                   "num_axes is " + std::to_string(num_axes_) + ", expected -1 or more");
    }
  }

  void setup(SetupContext& context) override {
    BottomFacts bottom;
    bottom.data_needed_in_backward = 0;
    context.bottom_facts(0, bottom);
    TopFacts top;
    top.view_of = 0;
    top.data_needed_in_backward = 0;
    context.top_facts(0, top);
    LayerFacts facts;
    facts.zero_to_zero = 1;
    context.facts(facts);
  }

  void reshape(ReshapeContext& context) override {
    const Shape bottom = context.bottom_shape(0);
    const int first = first_axis(bottom);
    const int end = end_axis(bottom, first);
    Shape top;
    for (int axis = 0; axis < first; ++axis)
      top.push_back(bottom[axis]);
    for (size_t i = 0; i < dims_.size(); ++i)
      top.push_back(size_of(bottom, first, i));
    for (int axis = end; axis < bottom.rank(); ++axis)
      top.push_back(bottom[axis]);
    infer(bottom, first, top);
    if (top.count() != bottom.count()) {
      fail_shape("the bottom of shape " + bottom.text() + " has " + std::to_string(bottom.count()) +
                 " elements, the top of shape " + top.text() + " would have " +
                 std::to_string(top.count()));
    }
    context.top(0, top);
  }

  void forward(RunContext&) override {}

 private:
  [[noreturn]] void fail_shape(const std::string& message) const { params_.fail("shape", message); }

  int first_axis(const Shape& bottom) const {
    const int64_t first = axis_ >= 0 ? axis_ : bottom.rank() + axis_ + 1;
    if (first < 0 || first > bottom.rank()) {
      params_.fail("axis", "axis " + std::to_string(axis_) +
                               " is out of range for a bottom of shape " + bottom.text());
    }
    return static_cast<int>(first);
  }

  int end_axis(const Shape& bottom, int first) const {
    const int64_t end = num_axes_ < 0 ? bottom.rank() : first + num_axes_;
    if (end > bottom.rank()) {
      params_.fail("num_axes", std::to_string(num_axes_) + " axes from axis " +
                                   std::to_string(first) + " on are more than a bottom of shape " +
                                   bottom.text() + " has");
    }
    return static_cast<int>(end);
  }

  // The size that shape.dim[i] stands for; 1 for the one to infer.
  int64_t size_of(const Shape& bottom, int first, size_t i) const {
    if (dims_[i] > 0) return dims_[i];
    if (dims_[i] < 0) return 1;
    const int axis = first + static_cast<int>(i);
    if (axis >= bottom.rank()) {
      fail_shape("dim 0 at place " + std::to_string(i) + " would keep axis " +
                 std::to_string(axis) + ", which a bottom of shape " + bottom.text() +
                 " doesn't have");
    }
    return bottom[axis];
  }

  void infer(const Shape& bottom, int first, Shape& top) const {
    for (size_t i = 0; i < dims_.size(); ++i) {
      if (dims_[i] != -1) continue;
      const int64_t others = top.count();
      if (others == 0 || bottom.count() % others != 0) {
        fail_shape("the bottom of shape " + bottom.text() + " has " +
                   std::to_string(bottom.count()) +
                   " elements, which the other sizes of the top (" + std::to_string(others) +
                   " elements) don't divide");
      }
      top[first + static_cast<int>(i)] = bottom.count() / others;
    }
  }

  Params params_;
  std::vector<int64_t> dims_;
  int64_t axis_;
  int64_t num_axes_;
};

const dlr_layer_type kReshape = layer_type<Reshape>({1, 1, 1, 1});

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.reshape", "1.0.0", reshape_proto,
           DLR_PROVIDE("dlrun.layer/1", "Reshape", "other axes for the same elements",
                       dlrun::kReshape));
