// Eltwise: combines bottoms of one shape element by element.
//
//   SUM   y = coeff0 x0 + coeff1 x1 + ...   dx_i = coeff_i dy
//   PROD  y = x0 x1 ...                     dx_i = dy * (the product of the others); with
//   stable_prod_grad: false
//                                           computed as dy y / x_i, which is quicker for many
//                                           bottoms
//   MAX   y = max(x0, x1, ...)              dx_i = dy where x_i was the largest, else 0
//
// Equal elements count as the first bottom's, but as the second's when bottoms 0 and 1 are equal,
// as in Caffe. Shapes: all alike. Source: Caffe's Eltwise.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "eltwise.kernel.h.inc"
#include "eltwise.proto.inc"

namespace dlrun {
namespace {

class Eltwise final : public Layer {
 public:
  Eltwise(const Params& layer, const LayerContext& context) {
    const Params params = layer.message("eltwise_param");
    operation_ = params.get<std::string>("operation");
    is_stable_ = params.get<bool>("stable_prod_grad");
    coeff_ = params.all<double>("coeff");
    if (!coeff_.empty() && operation_ != "SUM") {
      params.fail("coeff", "coeff is for operation: SUM only, found " + operation_);
    }
    const auto n = static_cast<size_t>(context.n_bottoms());
    if (!coeff_.empty() && coeff_.size() != n) {
      params.fail("coeff", "coeff has " + std::to_string(coeff_.size()) + " values for " +
                               std::to_string(n) + " bottoms; give one for each, or none");
    }
    if (coeff_.empty()) coeff_.assign(n, 1.0);
  }

  void setup(SetupContext& context) override {
    LayerFacts facts;
    facts.elementwise = 1;
    facts.zero_to_zero = 1;
    facts.per_sample = 1;
    context.facts(facts);
    for (int i = 0; i < context.n_bottoms(); ++i) {
      BottomFacts bottom;
      bottom.data_needed_in_backward = operation_ == "PROD";
      // The last bottom's gradient is made last, when dy is no longer needed.
      if (operation_ == "SUM" && i == context.n_bottoms() - 1) bottom.gradient_inplace_of = 0;
      context.bottom_facts(i, bottom);
    }
    TopFacts top;
    top.inplace_of = 0;
    top.data_needed_in_backward = operation_ == "PROD" && !is_stable_;
    context.top_facts(0, top);
  }

  void reshape(ReshapeContext& context) override {
    const Shape shape = context.bottom_shape(0);
    for (int i = 1; i < context.n_bottoms(); ++i) {
      const Shape other = context.bottom_shape(i);
      if (other != shape) {
        throw Error("bottom " + std::to_string(i) + " has shape " + other.text() +
                    ", but bottom 0 has " + shape.text() + "; all must be alike");
      }
    }
    context.top(0, shape);
    if (operation_ == "MAX") from_ = context.reserve(shape, DLR_I32);
    if (is_plain_sum()) describe_sum(context, shape);
    const auto count = static_cast<double>(shape.count());
    context.cost(context.n_bottoms() * count,
                 (context.n_bottoms() + 1) * count * bytes_of(context.dtype()));
  }

  void forward(RunContext& context) override {
    if (is_plain_sum() && context.has_operator(sum_)) {
      run_sum(context);
      return;
    }
    const Tensor a = context.bottom(0);
    const Tensor b = context.bottom(1);
    const Tensor y = context.top(0);
    const int64_t count = y.count();
    if (operation_ == "SUM") {
      context.launch(kernels::eltwise_sum, count, 1, read(a), read(b), write(y), coeff_[0],
                     coeff_[1]);
    } else if (operation_ == "PROD") {
      context.launch(kernels::eltwise_product, count, 1, read(a), read(b), write(y));
    } else {
      context.launch(kernels::eltwise_max, count, 1, read(a), read(b), write(y),
                     write(context.scratch(from_)));
    }
    for (int i = 2; i < context.n_bottoms(); ++i)
      work_in(context, i, y);
  }

  void backward(RunContext& context) override {
    const Tensor dy = context.top_gradient(0);
    for (int i = 0; i < context.n_bottoms(); ++i) {
      const Tensor dx = context.bottom_gradient(i);
      if (!dx) continue;
      if (operation_ == "SUM") {
        context.launch(kernels::eltwise_scale, dx.count(), 1, read(dy), write(dx),
                       coeff_[static_cast<size_t>(i)]);
      } else if (operation_ == "MAX") {
        context.launch(kernels::eltwise_max_gradient, dx.count(), 1, read(context.scratch(from_)),
                       read(dy), write(dx), i);
      } else {
        product_gradient(context, i, dy, dx);
      }
    }
  }

 private:
  bool is_plain_sum() const {
    return operation_ == "SUM" &&
           std::all_of(coeff_.begin(), coeff_.end(), [](double coeff) { return coeff == 1; });
  }

  void describe_sum(ReshapeContext& context, const Shape& shape) {
    OperatorDesc sum("sum");
    for (int i = 0; i < context.n_bottoms() + context.n_tops(); ++i)
      sum.argument(shape, context.dtype());
    sum_ = context.add_operator(std::move(sum), "forward");
    arguments_.reserve(static_cast<size_t>(context.n_bottoms() + context.n_tops()));
  }

  // Its number of arguments is known only here, so they are listed; the list keeps its memory.
  void run_sum(RunContext& context) {
    arguments_.clear();
    for (int i = 0; i < context.n_bottoms(); ++i)
      arguments_.push_back(read(context.bottom(i)));
    arguments_.push_back(write(context.top(0)));
    context.run_operator(sum_, arguments_);
  }

  void work_in(RunContext& context, int i, Tensor y) const {
    const Tensor x = context.bottom(i);
    if (operation_ == "SUM") {
      context.launch(kernels::eltwise_add, y.count(), 1, read(x), read_write(y),
                     coeff_[static_cast<size_t>(i)]);
    } else if (operation_ == "PROD") {
      context.launch(kernels::eltwise_multiply, y.count(), 1, read(x), read_write(y));
    } else {
      context.launch(kernels::eltwise_raise, y.count(), 1, read(x), read_write(y),
                     read_write(context.scratch(from_)), i);
    }
  }

  void product_gradient(RunContext& context, int i, Tensor dy, Tensor dx) const {
    if (!is_stable_) {
      context.launch(kernels::eltwise_quotient, dx.count(), 1, read(context.bottom(i)),
                     read(context.top(0)), read(dy), write(dx));
      return;
    }
    bool is_begun = false;
    for (int other = 0; other < context.n_bottoms(); ++other) {
      if (other == i) continue;
      const Tensor x = context.bottom(other);
      if (is_begun) {
        context.launch(kernels::eltwise_multiply, dx.count(), 1, read(x), read_write(dx));
      } else {
        context.launch(kernels::eltwise_product, dx.count(), 1, read(dy), read(x), write(dx));
      }
      is_begun = true;
    }
  }

  std::string operation_;
  bool is_stable_ = true;
  std::vector<double> coeff_;  // one for each bottom
  int from_ = -1;
  int sum_ = -1;
  std::vector<dlr_arg> arguments_;
};

const dlr_kernel* const kKernels[] = {
    &kernels::eltwise_scale,   &kernels::eltwise_sum,      &kernels::eltwise_add,
    &kernels::eltwise_product, &kernels::eltwise_multiply, &kernels::eltwise_quotient,
    &kernels::eltwise_max,     &kernels::eltwise_raise,    &kernels::eltwise_max_gradient};
const dlr_layer_type kEltwise =
    layer_type<Eltwise>({2, DLR_UNBOUNDED, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.eltwise", "1.0.0", eltwise_proto,
           DLR_PROVIDE("dlrun.layer/1", "Eltwise", "sum, product or maximum of bottoms",
                       dlrun::kEltwise));
