// Scale: multiplies by factors that are shared along the other axes, and may add biases.
//
//   y[n,c,s] = f[c] x[n,c,s] + b[c]
//   dx = f[c] dy,   df[c] = sum over n, s of dy x,   db[c] = sum over n, s of dy
//
// Letters: C the elements of the factors, N all axes of x before theirs, S all behind. Shapes: x
// any, y as x. With one bottom, f is a parameter with the `num_axes` axes of x from `axis` on; with
// two, f is bottom 1, which begins at axis `axis` of x. b, with bias_term, has the shape of f and
// is always a parameter. Source: Caffe's Scale.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <string>

#include "scale.kernel.h.inc"
#include "scale.proto.inc"

namespace dlrun {
namespace {

class Scale final : public Layer {
 public:
  Scale(const Params& layer, const LayerContext& context)
      : params_(layer.message("scale_param")),
        is_learned_(context.n_bottoms() == 1),
        has_bias_(params_.get<bool>("bias_term")) {}

  void setup(SetupContext& context) override {
    const Shape x = context.bottom_shape(0);
    const Shape factors = factors_shape(context);
    LayerFacts facts;
    facts.zero_to_zero = !has_bias_;
    facts.per_sample = is_learned_ || (factors.rank() > 0 && first_axis(x, factors) == 0);
    context.facts(facts);
    BottomFacts bottom;
    bottom.gradient_inplace_of = 0;  // made last
    context.bottom_facts(0, bottom);
    TopFacts y;
    y.data_needed_in_backward = 0;
    y.inplace_of = 0;
    context.top_facts(0, y);

    if (is_learned_) {
      learned_ = factors;
      context.add_param(factors, filled_by("filler", 1));
    }
    if (has_bias_) bias_ = context.add_param(factors, filled_by("bias_filler", 0));
  }

  void reshape(ReshapeContext& context) override {
    const Shape x = context.bottom_shape(0);
    const Shape factors = factors_shape(context);
    if (is_learned_ && factors != learned_) {
      throw Error("bottom 0 has shape " + x.text() + ", but the factors have " + learned_.text());
    }
    const int first = first_axis(x, factors);
    require_alike(x, factors, first);
    outer_ = x.count(0, first);
    channels_ = factors.count();
    inner_ = x.count(first + factors.rank(), x.rank());
    context.top(0, x);
    if (context.may_run_backward()) unwanted_ = context.scratch({channels_});
    const auto count = static_cast<double>(x.count());
    context.cost((has_bias_ ? 2 : 1) * count,
                 2 * count * static_cast<double>(bytes_of(context.dtype())));
  }

  void forward(RunContext& context) override {
    apply(context, context.bottom(0), context.top(0), has_bias_);
  }

  void backward(RunContext& context) override {
    const Tensor dy = context.top_gradient(0);
    const Tensor df = is_learned_ ? context.param_gradient(0) : context.bottom_gradient(1);
    const Tensor db = has_bias_ ? context.param_gradient(bias_) : Tensor(nullptr);
    if (df || db) factor_gradients(context, dy, df, db);
    if (const Tensor dx = context.bottom_gradient(0)) apply(context, dy, dx, false);
  }

 private:
  ParamOptions filled_by(const char* field, double otherwise) const {
    ParamOptions options;
    options.value = otherwise;
    if (params_.has(field)) options.filler = params_.message(field);
    return options;
  }

  // A scalar bottom 1 has no axes to place.
  int first_axis(const Shape& x, const Shape& factors) const {
    return factors.rank() == 0 && !is_learned_ ? 0 : x.axis(params_.get<int64_t>("axis"));
  }

  Shape factors_shape(const LayerContext& context) const {
    if (!is_learned_) return context.bottom_shape(1);
    const Shape x = context.bottom_shape(0);
    const int first = x.axis(params_.get<int64_t>("axis"));
    const int64_t given = params_.get<int64_t>("num_axes");
    const int64_t last = given == -1 ? x.rank() : first + given;
    if (last > x.rank()) {
      params_.fail("num_axes", "num_axes is " + std::to_string(given) +
                                   ", but the bottom of shape " + x.text() + " has " +
                                   std::to_string(x.rank() - first) + " axes from axis " +
                                   std::to_string(first) + " on");
    }
    Shape factors;
    for (int axis = first; axis < last; ++axis)
      factors.push_back(x[axis]);
    return factors;
  }

  static void require_alike(const Shape& x, const Shape& factors, int first) {
    bool is_alike = first + factors.rank() <= x.rank();
    for (int axis = 0; is_alike && axis < factors.rank(); ++axis)
      is_alike = factors[axis] == x[first + axis];
    if (is_alike) return;
    throw Error("bottom 1 has shape " + factors.text() + ", which isn't that of bottom 0, " +
                x.text() + ", from axis " + std::to_string(first) + " on; set scale_param.axis");
  }

  Tensor factors(RunContext& context) const {
    return is_learned_ ? context.param(0) : context.bottom(1);
  }

  void apply(RunContext& context, Tensor from, Tensor to, bool adds_bias) const {
    const Tensor f = factors(context);
    const Tensor b = adds_bias ? context.param(bias_) : f;
    if (inner_ == 1) {
      context.launch(kernels::scale_columns, outer_, channels_, read(from), read(f), read(b),
                     write(to), channels_, adds_bias);
    } else {
      context.launch(kernels::scale_rows, outer_ * channels_, inner_, read(from), read(f), read(b),
                     write(to), channels_, inner_, adds_bias);
    }
  }

  // The kernels make both; what nobody wants is thrown away.
  void factor_gradients(RunContext& context, Tensor dy, Tensor df, Tensor db) const {
    const Tensor x = context.bottom(0);
    const Tensor unwanted = context.scratch(unwanted_);
    const Argument to_factors = write(df ? df : unwanted);
    const Argument to_bias = write(db ? db : unwanted);
    if (inner_ == 1) {
      context.launch(kernels::scale_columns_gradient, channels_, 1, read(x), read(dy), to_factors,
                     to_bias, outer_, channels_);
    } else {
      context.launch(kernels::scale_rows_gradient, channels_, inner_, read(x), read(dy), to_factors,
                     to_bias, outer_, channels_, inner_);
    }
  }

  Params params_;
  bool is_learned_;
  bool has_bias_;
  int bias_ = -1;
  Shape learned_;
  int64_t outer_ = 0;     // N
  int64_t channels_ = 0;  // C
  int64_t inner_ = 0;     // S
  int unwanted_ = -1;
};

const dlr_kernel* const kKernels[] = {&kernels::scale_rows, &kernels::scale_columns,
                                      &kernels::scale_rows_gradient,
                                      &kernels::scale_columns_gradient};
const dlr_layer_type kScale = layer_type<Scale>({1, 2, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.scale", "1.0.0", scale_proto,
           DLR_PROVIDE("dlrun.layer/1", "Scale", "learned or given factors, and biases",
                       dlrun::kScale));
