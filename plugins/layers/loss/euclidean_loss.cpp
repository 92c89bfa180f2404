// EuclideanLoss: half the mean squared distance of two bottoms.
//
//   loss = 1 / (2 N) * (sum of (a - b)^2)
//   da = (a - b) * loss weight / N,  db = -da
//
// Shapes: a and b [N,...], with as many elements; loss a scalar, 0 for an empty batch. Source:
// Caffe's EuclideanLoss.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <algorithm>

#include "euclidean_loss.kernel.h.inc"

namespace dlrun {
namespace {

constexpr int64_t kChunk = 4096;  // elements in a partial sum

class EuclideanLoss final : public Layer {
 public:
  explicit EuclideanLoss(const Params&) {}

  void setup(SetupContext& context) override {
    TopFacts loss;
    loss.is_loss = 1;
    loss.data_needed_in_backward = 0;
    context.top_facts(0, loss);
  }

  void reshape(ReshapeContext& context) override {
    const Shape a = context.bottom_shape(0);
    const Shape b = context.bottom_shape(1);
    if (a.rank() == 0 || b.rank() == 0 || a[0] != b[0] || a.count() != b.count()) {
      throw Error("the bottoms have shapes " + a.text() + " and " + b.text() +
                  "; expected as many samples with as many elements");
    }
    context.top(0, Shape{});
    // At least one of each, so that an empty batch has a loss: 0.
    samples_ = static_cast<double>(std::max<int64_t>(a[0], 1));
    n_partial_ = std::max<int64_t>((a.count() + kChunk - 1) / kChunk, 1);
    partial_ = context.scratch({n_partial_});
    context.cost(3.0 * static_cast<double>(a.count()),
                 2.0 * static_cast<double>(a.count()) * bytes_of(context.dtype()));
  }

  void forward(RunContext& context) override {
    const Tensor a = context.bottom(0);
    const Tensor partial = context.scratch(partial_);
    context.launch(kernels::euclidean_loss_partial, n_partial_, kChunk, read(a),
                   read(context.bottom(1)), write(partial), a.count(), kChunk);
    context.launch(kernels::euclidean_loss_total, 1, n_partial_, read(partial),
                   write(context.top(0)), n_partial_, 0.5 / samples_);
  }

  void backward(RunContext& context) override {
    for (int i = 0; i < 2; ++i) {
      const Tensor dx = context.bottom_gradient(i);
      if (!dx) continue;
      const double sign = i == 0 ? 1 : -1;
      context.launch(kernels::euclidean_loss_gradient, dx.count(), 1, read(context.bottom(0)),
                     read(context.bottom(1)), read(context.top_gradient(0)), write(dx),
                     sign / samples_);
    }
  }

 private:
  double samples_ = 0;  // N
  int64_t n_partial_ = 0;
  int partial_ = -1;
};

const dlr_kernel* const kKernels[] = {&kernels::euclidean_loss_partial,
                                      &kernels::euclidean_loss_total,
                                      &kernels::euclidean_loss_gradient};
const dlr_layer_type kEuclideanLoss =
    layer_type<EuclideanLoss>({2, 2, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.euclideanloss", "1.0.0", "",
           DLR_PROVIDE("dlrun.layer/1", "EuclideanLoss", "half the mean squared distance",
                       dlrun::kEuclideanLoss));
