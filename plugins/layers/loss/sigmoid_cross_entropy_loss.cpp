// SigmoidCrossEntropyLoss: how improbable the targets are when each score, through a sigmoid, is
// the probability of a yes.
//
//   loss = -(sum of t log sigmoid(x) + (1 - t) log(1 - sigmoid(x))) / Z
//        = (sum of max(x, 0) - x t + log(1 + exp(-|x|))) / Z        which never overflows
//   dx = (sigmoid(x) - t) * loss weight / Z
//
// Shapes: scores x and targets t [N,...], with as many elements; loss a scalar. Targets are
// probabilities, mostly 0 or 1, and have no gradient. Z follows loss_param.normalization:
// BATCH_SIZE (unless set) N, VALID the number of targets that are not ignored, FULL all elements,
// NONE 1; at least 1. Targets equal to loss_param.ignore_label count for nothing. Source: Caffe's
// SigmoidCrossEntropyLoss.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <algorithm>

#include "loss_normalization.hpp"
#include "sigmoid_cross_entropy_loss.kernel.h.inc"

namespace dlrun {
namespace {

constexpr int64_t kChunk = 4096;  // elements in a partial sum

class SigmoidCrossEntropyLoss final : public Layer {
 public:
  explicit SigmoidCrossEntropyLoss(const Params& layer) : normalization_(layer, "BATCH_SIZE") {}

  void setup(SetupContext& context) override {
    BottomFacts targets;
    targets.gradient_flows = 0;
    context.bottom_facts(1, targets);
    TopFacts loss;
    loss.is_loss = 1;
    loss.data_needed_in_backward = 0;
    context.top_facts(0, loss);
  }

  void reshape(ReshapeContext& context) override {
    const Shape x = context.bottom_shape(0);
    const Shape targets = context.bottom_shape(1);
    if (x.rank() == 0 || x.count() != targets.count()) {
      throw Error("the scores have shape " + x.text() + " and the targets " + targets.text() +
                  "; expected a target for each score");
    }
    context.top(0, Shape{});
    divisor_ = normalization_.divisor(x[0], x.count());
    // At least one, so that an empty batch has a loss: 0.
    n_partial_ = std::max<int64_t>((x.count() + kChunk - 1) / kChunk, 1);
    partial_ = context.scratch({n_partial_, 2});
    normalizer_ = context.reserve({1}, context.dtype());
    const auto count = static_cast<double>(x.count());
    context.cost(6 * count, 2 * count * static_cast<double>(bytes_of(context.dtype())));
  }

  void forward(RunContext& context) override {
    const Tensor x = context.bottom(0);
    const Tensor partial = context.scratch(partial_);
    context.launch(kernels::sigmoid_loss_partial, n_partial_, kChunk, read(x),
                   read(context.bottom(1)), write(partial), x.count(), kChunk,
                   normalization_.can_ignore(), normalization_.ignored());
    context.launch(kernels::sigmoid_loss_total, 1, n_partial_, read(partial), write(context.top(0)),
                   write(context.scratch(normalizer_)), n_partial_, divisor_);
  }

  void backward(RunContext& context) override {
    const Tensor dx = context.bottom_gradient(0);
    if (!dx) return;
    context.launch(kernels::sigmoid_loss_gradient, dx.count(), 1, read(context.bottom(0)),
                   read(context.bottom(1)), read(context.top_gradient(0)),
                   read(context.scratch(normalizer_)), write(dx), normalization_.can_ignore(),
                   normalization_.ignored());
  }

 private:
  LossNormalization normalization_;
  double divisor_ = 0;  // Z, or 0 for the number of targets that count
  int64_t n_partial_ = 0;
  int partial_ = -1;
  int normalizer_ = -1;
};

const dlr_kernel* const kKernels[] = {&kernels::sigmoid_loss_partial, &kernels::sigmoid_loss_total,
                                      &kernels::sigmoid_loss_gradient};
const dlr_layer_type kSigmoidCrossEntropyLoss =
    layer_type<SigmoidCrossEntropyLoss>({2, 2, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.sigmoidcrossentropyloss", "1.0.0", "",
           DLR_PROVIDE("dlrun.layer/1", "SigmoidCrossEntropyLoss",
                       "-log of the targets' probability, by sigmoids",
                       dlrun::kSigmoidCrossEntropyLoss));
