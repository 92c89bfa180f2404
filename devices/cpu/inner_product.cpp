// inner_product.cpp: the operators inner_product_forward, inner_product_backward_data,
// inner_product_backward_weights.
//
// x [N, C], y [N, K], w [K, C], or [C, K] when transposed.
#include "device_state.hpp"
#include "parallel.hpp"
#include "plan.hpp"

#include <climits>

namespace dlrun::cpu {
namespace {

struct InnerShape {
  int images;    // N
  int channels;  // C
  int outputs;   // K
  bool transposed;
};

InnerShape read_shape(const OpView& op, const Shape& x, const Shape& w, const Shape& y) {
  const bool transposed = op.integer("transpose", 0) != 0;
  const bool ranks = x.rank() == 2 && w.rank() == 2 && y.rank() == 2;
  if (!ranks || y[0] != x[0] || w[transposed ? 0 : 1] != x[1] || w[transposed ? 1 : 0] != y[1]) {
    throw Error(std::string(op.op()) + ": shapes " + x.text() + ", " + w.text() + " and " +
                y.text() + " don't fit together");
  }
  if (x[0] > INT_MAX || x[1] > INT_MAX || y[1] > INT_MAX) {
    throw Declined("OpenBLAS takes extents up to 2147483647 only");
  }
  return {static_cast<int>(x[0]), static_cast<int>(x[1]), static_cast<int>(y[1]), transposed};
}

template <class T>
class ForwardPlan final : public dlr_plan {
 public:
  ForwardPlan(const Blas& blas, const InnerShape& shape) : blas_(blas), shape_(shape) {}

  void run(const RunArgs& args) override {
    const T* bias = args.arg<const T>(2);
    T* y = args.arg<T>(3);
    const int n = shape_.images, c = shape_.channels, k = shape_.outputs;
    if (bias != nullptr) {
      for (int64_t i = 0; i < n; ++i)
        std::copy(bias, bias + k, y + i * k);
    }
    blas_.run(Product<T>{false, !shape_.transposed, n, k, c, T(1), args.arg<const T>(0), c,
                         args.arg<const T>(1), shape_.transposed ? k : c,
                         bias != nullptr ? T(1) : T(0), y, k});
  }

 private:
  const Blas& blas_;
  InnerShape shape_;
};

template <class T>
class BackwardDataPlan final : public dlr_plan {
 public:
  BackwardDataPlan(const Blas& blas, const InnerShape& shape, bool add)
      : blas_(blas), shape_(shape), add_(add) {}

  void run(const RunArgs& args) override {
    const int n = shape_.images, c = shape_.channels, k = shape_.outputs;
    blas_.run(Product<T>{false, shape_.transposed, n, c, k, T(1), args.arg<const T>(0), k,
                         args.arg<const T>(1), shape_.transposed ? k : c, add_ ? T(1) : T(0),
                         args.arg<T>(2), c});
  }

 private:
  const Blas& blas_;
  InnerShape shape_;
  bool add_;
};

template <class T>
class BackwardWeightsPlan final : public dlr_plan {
 public:
  BackwardWeightsPlan(const Blas& blas, const InnerShape& shape, bool add)
      : blas_(blas), shape_(shape), add_(add) {}

  void run(const RunArgs& args) override {
    const T* x = args.arg<const T>(0);
    const T* dy = args.arg<const T>(1);
    T* dw = args.arg<T>(2);
    T* dbias = args.arg<T>(3);
    const int n = shape_.images, c = shape_.channels, k = shape_.outputs;
    const T beta = add_ ? T(1) : T(0);
    if (dw != nullptr && shape_.transposed) {
      blas_.run(Product<T>{true, false, c, k, n, T(1), x, c, dy, k, beta, dw, k});
    } else if (dw != nullptr) {
      blas_.run(Product<T>{true, false, k, c, n, T(1), dy, k, x, c, beta, dw, c});
    }
    if (dbias != nullptr) add_columns(dy, dbias);
  }

 private:
  // Sums over the images, in their order.
  void add_columns(const T* dy, T* dbias) const {
    const int64_t images = shape_.images, outputs = shape_.outputs;
    const bool add = add_;
    parallel_for(outputs, grain_for(images), [=](int64_t begin, int64_t end) {
      if (!add) std::fill(dbias + begin, dbias + end, T(0));
      for (int64_t n = 0; n < images; ++n) {
        for (int64_t k = begin; k < end; ++k)
          dbias[k] += dy[n * outputs + k];
      }
    });
  }

  const Blas& blas_;
  InnerShape shape_;
  bool add_;
};

}  // namespace

std::unique_ptr<dlr_plan> plan_inner_product_forward(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    return std::make_unique<ForwardPlan<T>>(device.blas(),
                                            read_shape(op, op.shape(0), op.shape(1), op.shape(3)));
  });
}

std::unique_ptr<dlr_plan> plan_inner_product_backward_data(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    op.desc().accumulate_accepted = op.desc().accumulate;
    return std::make_unique<BackwardDataPlan<T>>(
        device.blas(), read_shape(op, op.shape(2), op.shape(1), op.shape(0)),
        op.desc().accumulate != 0);
  });
}

std::unique_ptr<dlr_plan> plan_inner_product_backward_weights(const Device& device,
                                                              const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    op.desc().accumulate_accepted = op.desc().accumulate;
    return std::make_unique<BackwardWeightsPlan<T>>(
        device.blas(), read_shape(op, op.shape(0), op.shape(2), op.shape(1)),
        op.desc().accumulate != 0);
  });
}

}  // namespace dlrun::cpu
