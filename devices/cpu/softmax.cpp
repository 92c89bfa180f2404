// softmax.cpp: the operators softmax_forward and softmax_backward.
#include "device_state.hpp"
#include "isa/choose.hpp"
#include "parallel.hpp"
#include "plan.hpp"

namespace dlrun::cpu {
namespace {

// outer x n x inner elements; sums run over n.
struct SoftmaxShape {
  int64_t outer;
  int64_t n;
  int64_t inner;
};

SoftmaxShape read_shape(const OpView& op) {
  const Shape shape = op.shape(0);
  for (int i = 1; i < op.n_args(); ++i) {
    if (op.shape(i) != shape) {
      throw Error(std::string(op.op()) + ": shapes " + shape.text() + " and " + op.shape(i).text());
    }
  }
  const int axis = shape.axis(op.integer("axis", 1));
  if (shape[axis] == 0) throw Declined("softmax over no elements");
  return {shape.count(0, axis), shape[axis], shape.count(axis + 1, shape.rank())};
}

// Exponentials cost about as much as this many copies of an element.
constexpr int64_t kExponentialCost = 8;

template <class T>
class ForwardPlan final : public dlr_plan {
 public:
  ForwardPlan(const Device& device, const SoftmaxShape& shape)
      : functions_(functions<T>(device.isa()).normalize), shape_(shape) {}

  void run(const RunArgs& args) override {
    const T* x = args.arg<const T>(0);
    T* y = args.arg<T>(1);
    const int64_t size = shape_.n * shape_.inner;
    parallel_for(shape_.outer, grain_for(size * kExponentialCost), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        functions_.softmax(shape_.n, shape_.inner, shape_.inner, x + i * size, y + i * size);
      }
    });
  }

 private:
  const NormalizeFunctions<T>& functions_;
  SoftmaxShape shape_;
};

template <class T>
class BackwardPlan final : public dlr_plan {
 public:
  BackwardPlan(const Device& device, const SoftmaxShape& shape)
      : functions_(functions<T>(device.isa()).normalize), shape_(shape) {}

  void run(const RunArgs& args) override {
    const T* y = args.arg<const T>(0);
    const T* dy = args.arg<const T>(1);
    T* dx = args.arg<T>(2);
    const int64_t size = shape_.n * shape_.inner;
    parallel_for(shape_.outer, grain_for(size), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        functions_.softmax_gradient(shape_.n, shape_.inner, shape_.inner, y + i * size,
                                    dy + i * size, dx + i * size);
      }
    });
  }

 private:
  const NormalizeFunctions<T>& functions_;
  SoftmaxShape shape_;
};

}  // namespace

std::unique_ptr<dlr_plan> plan_softmax_forward(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    return std::make_unique<ForwardPlan<T>>(device, read_shape(op));
  });
}

std::unique_ptr<dlr_plan> plan_softmax_backward(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    return std::make_unique<BackwardPlan<T>>(device, read_shape(op));
  });
}

}  // namespace dlrun::cpu
