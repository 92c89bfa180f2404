// BatchNorm: makes each channel's values have mean 0 and variance 1, without a learned scale and
// bias (a Scale layer behind it has those).
//
//   y = (x - mean[c]) / sqrt(variance[c] + eps)
//
// With use_global_stats, which phase TEST has unless it says otherwise, mean and variance are the
// running averages, constants; otherwise those of the batch, over all positions of a channel:
//   dx = (dy - mean of dy - z * mean of dy z) / sqrt(variance + eps),   z = y
// or, with global statistics, dx = dy / sqrt(variance + eps).
//
// Letters: N images, C channels (axis 1; 1 when there is none), S spatial positions. Shapes: x
// [N,C,S...], y as x. Three parameters, which no solver changes: m [C], v [C], w [1]. Each batch in
// training makes
//   m = f m + mean,  v = f v + variance M / (M - 1),  w = f w + 1,
// where f is moving_average_fraction and M is N * S; the running averages are m / w and v / w.
//
// Source: Ioffe and Szegedy, "Batch normalization", 2015. Behaves as Caffe's BatchNorm.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <string>

#include "batch_norm.kernel.h.inc"
#include "batch_norm.proto.inc"

namespace dlrun {
namespace {

constexpr int kMeanSum = 0;
constexpr int kVarianceSum = 1;
constexpr int kWeight = 2;

class BatchNorm final : public Layer {
 public:
  BatchNorm(const Params& layer, const LayerContext& context) {
    const Params params = layer.message("batch_norm_param");
    fraction_ = params.get<double>("moving_average_fraction");
    epsilon_ = params.get<double>("eps");
    is_global_ = params.has("use_global_stats") ? params.get<bool>("use_global_stats")
                                                : !context.is_training();
    require_no_learning(layer);
  }

  void setup(SetupContext& context) override {
    channels_ = channels_of(context.bottom_shape(0));
    LayerFacts facts;
    facts.per_sample = is_global_;
    context.facts(facts);
    BottomFacts x;
    x.data_needed_in_backward = 1;
    x.gradient_inplace_of = 0;
    context.bottom_facts(0, x);
    TopFacts y;
    y.data_needed_in_backward = 0;
    y.inplace_of = 0;
    context.top_facts(0, y);

    ParamOptions state;
    state.is_state = true;
    context.add_param({channels_}, state);
    context.add_param({channels_}, state);
    context.add_param({1}, state);
  }

  void reshape(ReshapeContext& context) override {
    const Shape x = context.bottom_shape(0);
    if (channels_of(x) != channels_) {
      throw Error("bottom 0 has shape " + x.text() + ", but the averages are of " +
                  std::to_string(channels_) + " channels");
    }
    context.top(0, x);
    batch_ = x[0];
    inner_ = x.rank() > 2 ? x.count(2, x.rank()) : 1;
    if (!is_global_ && batch_ * inner_ == 1) warn_of_single_values(context, x);
    mean_ = context.reserve({channels_}, context.dtype());
    variance_ = context.reserve({channels_}, context.dtype());
    describe_operators(context, x);
    if (context.may_run_backward() && !is_global_) {
      slope_ = context.scratch({channels_}, backward_);
      curve_ = context.scratch({channels_}, backward_);
    }
    const auto count = static_cast<double>(x.count());
    context.cost((is_global_ ? 2 : 7) * count,
                 (is_global_ ? 2 : 4) * count * static_cast<double>(bytes_of(context.dtype())));
  }

  void forward(RunContext& context) override {
    const Tensor x = context.bottom(0);
    const Tensor y = context.top(0);
    const Tensor mean = context.scratch(mean_);
    const Tensor variance = context.scratch(variance_);
    const bool is_whole = context.has_operator(forward_);
    if (is_global_) {
      take_averages(context, mean, variance);
    } else if (!is_whole) {
      context.launch(kernels::batch_norm_statistics, channels_, inner_, read(x), write(mean),
                     write(variance), batch_, channels_, inner_, share());
    }
    if (is_whole) {
      const auto statistic = [&](Tensor t) { return is_global_ ? read(t) : write(t); };
      context.run_operator(forward_, read(x), statistic(mean), statistic(variance), write(y));
    } else {
      context.launch(kernels::batch_norm_normalize, batch_ * channels_, inner_, read(x), read(mean),
                     read(variance), write(y), channels_, inner_, epsilon_);
    }
    if (!is_global_ && context.is_training() && positions() > 0)
      update_averages(context, mean, variance);
  }

  void backward(RunContext& context) override {
    const Tensor dx = context.bottom_gradient(0);
    if (!dx) return;
    const Tensor x = context.bottom(0);
    const Tensor dy = context.top_gradient(0);
    const Tensor mean = context.scratch(mean_);
    const Tensor variance = context.scratch(variance_);
    if (context.has_operator(backward_)) {
      context.run_operator(backward_, read(x), read(mean), read(variance), read(dy), write(dx));
    } else if (is_global_) {
      context.launch(kernels::batch_norm_gradient_global, batch_ * channels_, inner_,
                     read(variance), read(dy), write(dx), channels_, inner_, epsilon_);
    } else {
      const Tensor slope = context.scratch(slope_);
      const Tensor curve = context.scratch(curve_);
      context.launch(kernels::batch_norm_gradient_means, channels_, inner_, read(x), read(mean),
                     read(variance), read(dy), write(slope), write(curve), batch_, channels_,
                     inner_, epsilon_, share());
      context.launch(kernels::batch_norm_gradient, batch_ * channels_, inner_, read(x), read(mean),
                     read(variance), read(dy), read(slope), read(curve), write(dx), channels_,
                     inner_, epsilon_);
    }
  }

 private:
  static int64_t channels_of(const Shape& x) {
    if (x.rank() == 0) throw Error("bottom 0 is a scalar; expected N x C and any axes behind them");
    return x.rank() == 1 ? 1 : x[1];
  }

  // Whoever gives the averages a learning rate means a Scale layer.
  static void require_no_learning(const Params& layer) {
    for (int64_t i = 0; i < layer.count("param"); ++i) {
      const Params param = layer.message("param", i);
      if (param.has("lr_mult") && param.get<double>("lr_mult") != 0) {
        param.fail("lr_mult",
                   "the parameters of BatchNorm are running averages, which aren't learned; remove "
                   "lr_mult or set it to 0 (a learned scale and bias are a Scale layer's)");
      }
    }
  }

  static void warn_of_single_values(const LayerContext& context, const Shape& x) {
    log_warning("layer '" + std::string(context.name()) + "': bottom 0 has shape " + x.text() +
                ", one value for each channel, whose mean is itself: the top is all 0; use larger "
                "batches, or batch_norm_param { use_global_stats: true }");
  }

  double positions() const { return static_cast<double>(batch_ * inner_); }  // M
  double share() const { return positions() > 0 ? 1 / positions() : 0; }

  void describe_operators(ReshapeContext& context, const Shape& x) {
    if (x.rank() < 2) return;
    const uint32_t dtype = context.dtype();
    const Shape statistic{channels_};
    const auto describe = [&](const char* op) {
      OperatorDesc desc(op);
      desc.number("epsilon", epsilon_).attribute("global", is_global_);
      desc.argument(x, dtype).argument(statistic, dtype).argument(statistic, dtype);
      return desc.argument(x, dtype);
    };
    forward_ = context.add_operator(describe("batch_norm_forward"), "forward");
    if (!context.may_run_backward()) return;
    backward_ = context.add_operator(describe("batch_norm_backward").argument(x, dtype));
  }

  void take_averages(RunContext& context, Tensor mean, Tensor variance) const {
    const Tensor weight = context.param(kWeight);
    context.launch(kernels::batch_norm_average, channels_, 1, read(context.param(kMeanSum)),
                   read(weight), write(mean));
    context.launch(kernels::batch_norm_average, channels_, 1, read(context.param(kVarianceSum)),
                   read(weight), write(variance));
  }

  void update_averages(RunContext& context, Tensor mean, Tensor variance) const {
    // Of M values, the variance around their own mean is (M - 1) / M of what it is expected to be.
    const double unbiased = positions() > 1 ? positions() / (positions() - 1) : 1;
    context.launch(kernels::batch_norm_add, channels_, 1, read(mean),
                   read_write(context.param(kMeanSum)), fraction_, 1.0);
    context.launch(kernels::batch_norm_add, channels_, 1, read(variance),
                   read_write(context.param(kVarianceSum)), fraction_, unbiased);
    context.launch(kernels::batch_norm_count, 1, 1, read_write(context.param(kWeight)), fraction_);
  }

  double fraction_;
  double epsilon_;
  bool is_global_;
  int64_t channels_ = 0;  // C
  int64_t batch_ = 0;     // N
  int64_t inner_ = 0;     // S
  int forward_ = -1;
  int backward_ = -1;
  int mean_ = -1;
  int variance_ = -1;
  int slope_ = -1;
  int curve_ = -1;
};

const dlr_kernel* const kKernels[] = {
    &kernels::batch_norm_statistics, &kernels::batch_norm_add,
    &kernels::batch_norm_count,      &kernels::batch_norm_average,
    &kernels::batch_norm_normalize,  &kernels::batch_norm_gradient_means,
    &kernels::batch_norm_gradient,   &kernels::batch_norm_gradient_global};
const dlr_layer_type kBatchNorm =
    layer_type<BatchNorm>({1, 1, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.batchnorm", "1.0.0", batch_norm_proto,
           DLR_PROVIDE("dlrun.layer/1", "BatchNorm", "mean 0 and variance 1 for each channel",
                       dlrun::kBatchNorm));
