// SoftmaxWithLoss: how improbable the labels are, given scores.
//
//   p[n,c,s] = softmax of x along C
//   loss = -(sum over n, s of log p[n, label[n,s], s]) / Z
//   dx[n,c,s] = (p[n,c,s] - (1 where c is the label, else 0)) * loss weight / Z
//
// Letters: C channels, the size of softmax_param's axis; N all axes before it, S all behind it.
// Shapes: x [N,C,S...], label [N,1,S...] or any with N * S elements; loss a scalar; p, an optional
// second top, as x. Z follows loss_param.normalization: VALID the number of labels that are not
// ignored, FULL N * S, BATCH_SIZE N, NONE 1; at least 1. Labels equal to loss_param.ignore_label
// count for nothing. A label that is no channel makes the loss NaN (on any device, without reading
// outside p) and its gradient 0. p is taken as at least 1.2e-38. There is no gradient for labels,
// nor through the second top.
//
// Source: Caffe's SoftmaxWithLoss.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <algorithm>

#include "loss_normalization.hpp"
#include "softmax_with_loss.kernel.h.inc"
#include "softmax_with_loss.proto.inc"

namespace dlrun {
namespace {

constexpr int64_t kChunk = 1024;  // labels in a partial sum

class SoftmaxWithLoss final : public Layer {
 public:
  explicit SoftmaxWithLoss(const Params& layer)
      : normalization_(layer), axis_(layer.message("softmax_param").get<int64_t>("axis")) {}

  void setup(SetupContext& context) override {
    has_probability_top_ = context.n_tops() > 1;
    BottomFacts scores;
    scores.data_needed_in_backward = 0;
    context.bottom_facts(0, scores);
    BottomFacts labels;
    labels.gradient_flows = 0;
    labels.index_input = 1;
    context.bottom_facts(1, labels);
    TopFacts loss;
    loss.is_loss = 1;
    loss.data_needed_in_backward = 0;
    context.top_facts(0, loss);
  }

  void reshape(ReshapeContext& context) override {
    const Shape x = context.bottom_shape(0);
    const Shape label = context.bottom_shape(1);
    const int axis = x.axis(axis_);
    outer_ = x.count(0, axis);
    channels_ = x[axis];
    inner_ = x.count(axis + 1, x.rank());
    if (label.count() != positions()) {
      throw Error("the scores have shape " + x.text() + " and the labels " + label.text() +
                  "; expected a label for each of the " + std::to_string(positions()) +
                  " positions, which are all axes of the scores but axis " + std::to_string(axis));
    }
    context.top(0, Shape{});
    if (has_probability_top_) {
      context.top(1, x);
    } else {
      probability_ = context.reserve(x, context.dtype());
    }
    partial_ = context.scratch({n_partial(), 2});
    normalizer_ = context.reserve({1}, context.dtype());

    OperatorDesc softmax("softmax_forward");
    softmax.attribute("axis", axis).argument(x, context.dtype()).argument(x, context.dtype());
    softmax_ = context.add_operator(std::move(softmax));
    context.cost(6.0 * static_cast<double>(x.count()),
                 3.0 * static_cast<double>(x.count()) * bytes_of(context.dtype()));
  }

  void forward(RunContext& context) override {
    const Tensor x = context.bottom(0);
    const Tensor p = probability(context);
    if (context.has_operator(softmax_)) {
      context.run_operator(softmax_, read(x), write(p));
    } else if (inner_ == 1) {
      context.launch(kernels::softmax_loss_rows, outer_, channels_, read(x), write(p), channels_);
    } else {
      context.launch(kernels::softmax_loss_positions, outer_, inner_, read(x), write(p), channels_,
                     inner_);
    }
    const Tensor partial = context.scratch(partial_);
    context.launch(kernels::softmax_loss_partial, n_partial(), kChunk, read(p),
                   read(context.bottom(1)), write(partial), positions(), kChunk, channels_, inner_,
                   normalization_.can_ignore(), normalization_.ignored());
    context.launch(kernels::softmax_loss_total, 1, n_partial(), read(partial),
                   write(context.top(0)), write(context.scratch(normalizer_)), n_partial(),
                   normalization_.divisor(outer_, positions()));
  }

  void backward(RunContext& context) override {
    const Tensor dx = context.bottom_gradient(0);
    if (!dx) return;
    context.launch(kernels::softmax_loss_gradient, outer_ * channels_, inner_,
                   read(probability(context)), read(context.bottom(1)),
                   read(context.top_gradient(0)), read(context.scratch(normalizer_)), write(dx),
                   channels_, inner_, normalization_.can_ignore(), normalization_.ignored());
  }

 private:
  int64_t positions() const { return outer_ * inner_; }
  // At least one, so that an empty batch has a loss: 0.
  int64_t n_partial() const { return std::max<int64_t>((positions() + kChunk - 1) / kChunk, 1); }
  Tensor probability(RunContext& context) const {
    return has_probability_top_ ? context.top(1) : context.scratch(probability_);
  }

  LossNormalization normalization_;
  int64_t axis_;
  bool has_probability_top_ = false;
  int64_t outer_ = 0;     // N
  int64_t channels_ = 0;  // C
  int64_t inner_ = 0;     // S
  int softmax_ = -1;
  int probability_ = -1;
  int partial_ = -1;
  int normalizer_ = -1;
};

const dlr_kernel* const kKernels[] = {&kernels::softmax_loss_rows, &kernels::softmax_loss_positions,
                                      &kernels::softmax_loss_partial, &kernels::softmax_loss_total,
                                      &kernels::softmax_loss_gradient};
const dlr_layer_type kSoftmaxWithLoss =
    layer_type<SoftmaxWithLoss>({2, 2, 1, 2}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.softmaxwithloss", "1.0.0", softmax_with_loss_proto,
           DLR_PROVIDE("dlrun.layer/1", "SoftmaxWithLoss", "-log of the label's probability",
                       dlrun::kSoftmaxWithLoss));
