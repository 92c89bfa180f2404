// inner_product.cpp: the operators inner_product_forward, inner_product_backward_data,
// inner_product_backward_weights.
//
// x [N, C], y [N, K], w [K, C], or [C, K] when transposed.
#include "small_batch.hpp"

#include <climits>
#include <optional>

namespace dlrun::cpu {
namespace {

struct Problem {
  InnerShape shape;
  bool transposed;
  bool add;  // into the outputs
  bool small_batch;

  int n() const { return static_cast<int>(shape.images); }
  int c() const { return static_cast<int>(shape.channels); }
  int k() const { return static_cast<int>(shape.outputs); }
  int weights_pitch() const { return transposed ? k() : c(); }
};

Problem read_problem(const OpView& op, const Shape& x, const Shape& w, const Shape& y) {
  const bool transposed = op.integer("transpose", 0) != 0;
  const bool ranks = x.rank() == 2 && w.rank() == 2 && y.rank() == 2;
  if (!ranks || y[0] != x[0] || w[transposed ? 0 : 1] != x[1] || w[transposed ? 1 : 0] != y[1]) {
    throw Error(std::string(op.op()) + ": shapes " + x.text() + ", " + w.text() + " and " +
                y.text() + " don't fit together");
  }
  if (x[0] > INT_MAX || x[1] > INT_MAX || y[1] > INT_MAX) {
    throw Declined("OpenBLAS takes extents up to 2147483647 only");
  }
  const InnerShape shape{x[0], x[1], y[1]};
  return {shape, transposed, op.desc().accumulate != 0, !transposed && is_small_batch(shape)};
}

template <class T>
class ForwardPlan final : public dlr_plan {
 public:
  ForwardPlan(const Device& device, const Problem& problem, WorkspaceLayout& workspace)
      : blas_(device.blas()), problem_(problem) {
    if (problem.small_batch) small_batch_.emplace(device, problem.shape, workspace);
  }

  void run(const RunArgs& args) override {
    const T* x = args.arg<const T>(0);
    const T* w = args.arg<const T>(1);
    const T* bias = args.arg<const T>(2);
    T* y = args.arg<T>(3);
    if (small_batch_) return small_batch_->run(x, w, bias, y, args.workspace());
    const int n = problem_.n(), c = problem_.c(), k = problem_.k();
    if (bias != nullptr) {
      for (int64_t i = 0; i < n; ++i)
        std::copy(bias, bias + k, y + i * k);
    }
    blas_.run(Product<T>{false, !problem_.transposed, n, k, c, T(1), x, c, w,
                         problem_.weights_pitch(), bias != nullptr ? T(1) : T(0), y, k});
  }

 private:
  const Blas& blas_;
  Problem problem_;
  std::optional<SmallBatchForward<T>> small_batch_;
};

template <class T>
class BackwardDataPlan final : public dlr_plan {
 public:
  BackwardDataPlan(const Blas& blas, const Problem& problem) : blas_(blas), problem_(problem) {}

  void run(const RunArgs& args) override {
    const int n = problem_.n(), c = problem_.c(), k = problem_.k();
    blas_.run(Product<T>{false, problem_.transposed, n, c, k, T(1), args.arg<const T>(0), k,
                         args.arg<const T>(1), problem_.weights_pitch(), problem_.add ? T(1) : T(0),
                         args.arg<T>(2), c});
  }

 private:
  const Blas& blas_;
  Problem problem_;
};

template <class T>
class BackwardWeightsPlan final : public dlr_plan {
 public:
  BackwardWeightsPlan(const Device& device, const Problem& problem, WorkspaceLayout& workspace)
      : blas_(device.blas()), problem_(problem) {
    if (problem.small_batch) small_batch_.emplace(device, problem.shape, workspace);
  }

  void run(const RunArgs& args) override {
    const T* x = args.arg<const T>(0);
    const T* dy = args.arg<const T>(1);
    T* dw = args.arg<T>(2);
    T* dbias = args.arg<T>(3);
    if (dw != nullptr) multiply(x, dy, dw, args.workspace());
    if (dbias != nullptr) add_columns(dy, dbias);
  }

 private:
  void multiply(const T* x, const T* dy, T* dw, char* workspace) const {
    if (small_batch_) return small_batch_->run(x, dy, dw, problem_.add, workspace);
    const int n = problem_.n(), c = problem_.c(), k = problem_.k();
    const T beta = problem_.add ? T(1) : T(0);
    if (problem_.transposed) {
      blas_.run(Product<T>{true, false, c, k, n, T(1), x, c, dy, k, beta, dw, k});
    } else {
      blas_.run(Product<T>{true, false, k, c, n, T(1), dy, k, x, c, beta, dw, c});
    }
  }

  // Sums over the images, in their order.
  void add_columns(const T* dy, T* dbias) const {
    const int64_t images = problem_.shape.images, outputs = problem_.shape.outputs;
    const bool add = problem_.add;
    parallel_for(outputs, grain_for(images), [=](int64_t begin, int64_t end) {
      if (!add) std::fill(dbias + begin, dbias + end, T(0));
      for (int64_t n = 0; n < images; ++n) {
        for (int64_t k = begin; k < end; ++k)
          dbias[k] += dy[n * outputs + k];
      }
    });
  }

  const Blas& blas_;
  Problem problem_;
  std::optional<SmallBatchWeights<T>> small_batch_;
};

}  // namespace

std::unique_ptr<dlr_plan> plan_inner_product_forward(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    const Problem problem = read_problem(op, op.shape(0), op.shape(1), op.shape(3));
    return with_workspace(op, [&](WorkspaceLayout& workspace) {
      return std::make_unique<ForwardPlan<T>>(device, problem, workspace);
    });
  });
}

std::unique_ptr<dlr_plan> plan_inner_product_backward_data(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    const Problem problem = read_problem(op, op.shape(2), op.shape(1), op.shape(0));
    op.desc().accumulate_accepted = op.desc().accumulate;
    return std::make_unique<BackwardDataPlan<T>>(device.blas(), problem);
  });
}

std::unique_ptr<dlr_plan> plan_inner_product_backward_weights(const Device& device,
                                                              const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    const Problem problem = read_problem(op, op.shape(0), op.shape(2), op.shape(1));
    op.desc().accumulate_accepted = op.desc().accumulate;
    return with_workspace(op, [&](WorkspaceLayout& workspace) {
      return std::make_unique<BackwardWeightsPlan<T>>(device, problem, workspace);
    });
  });
}

}  // namespace dlrun::cpu
