// Pooling by cuDNN, where it computes what docs/operators.md says.
#include "device.hpp"
#include "plan.hpp"

namespace dlrun::cuda {

namespace {

PoolingDescriptor pooling_descriptor(const OpView& op, cudnnPoolingMode_t mode) {
  PoolingDescriptor descriptor(cudnn().cudnnCreatePoolingDescriptor,
                               cudnn().cudnnDestroyPoolingDescriptor);
  const std::vector<int> kernel = per_axis(op.integers("kernel"), 1);
  const std::vector<int> pad = per_axis(op.integers("pad"), 0);
  const std::vector<int> stride = per_axis(op.integers("stride"), 1);
  check_cudnn(cudnn().cudnnSetPoolingNdDescriptor(descriptor.get(), mode, CUDNN_NOT_PROPAGATE_NAN,
                                                  static_cast<int>(kernel.size()), kernel.data(),
                                                  pad.data(), stride.data()),
              "cudnnSetPoolingNdDescriptor");
  return descriptor;
}

// cuDNN divides by the whole window, dlrun by what of it lies in the padded input.
bool windows_stay_inside(const OpView& op, const Shape& in, const Shape& out) {
  const std::vector<int64_t> kernel = op.integers("kernel");
  const std::vector<int64_t> pad = op.integers("pad");
  const std::vector<int64_t> stride = op.integers("stride");
  for (size_t i = 0; i < kernel.size(); ++i) {
    const int axis = static_cast<int>(i) + 2;
    if ((out[axis] - 1) * stride[i] + kernel[i] > in[axis] + 2 * pad[i]) return false;
  }
  return true;
}

class Pooling : public Plan {
 public:
  // `large` and `small`: which argument has the input's shape and which the output's.
  Pooling(const OpView& op, Device& device, cudnnPoolingMode_t mode, int large, int small)
      : dnn_(device.dnn()),
        dtype_(op.arg(0).dtype),
        pooling_(pooling_descriptor(op, mode)),
        in_(tensor_descriptor(dtype_, extents(op.shape(large)))),
        out_(tensor_descriptor(dtype_, extents(op.shape(small)))) {}

 protected:
  Dnn& dnn_;
  uint32_t dtype_;
  PoolingDescriptor pooling_;
  TensorDescriptor in_;
  TensorDescriptor out_;
  Factor one_{1};
  Factor zero_{0};
};

// x, y
class PoolingForward final : public Pooling {
 public:
  PoolingForward(const OpView& op, Device& device, cudnnPoolingMode_t mode)
      : Pooling(op, device, mode, 0, 1) {}

  void run(Stream& stream, const Arguments& args) override {
    check_cudnn(
        cudnn().cudnnPoolingForward(dnn_.in(stream.get()), pooling_.get(), one_.of(dtype_),
                                    in_.get(), args[0], zero_.of(dtype_), out_.get(), args[1]),
        "cudnnPoolingForward");
  }
};

// dy, dx. An average's gradient depends on neither x nor y; cuDNN wants some memory for them, of
// their size, and gets the gradients'.
class PoolingAverageBackward final : public Pooling {
 public:
  PoolingAverageBackward(const OpView& op, Device& device, cudnnPoolingMode_t mode)
      : Pooling(op, device, mode, 1, 0) {}

  void run(Stream& stream, const Arguments& args) override {
    check_cudnn(cudnn().cudnnPoolingBackward(dnn_.in(stream.get()), pooling_.get(), one_.of(dtype_),
                                             out_.get(), args[0], out_.get(), args[0], in_.get(),
                                             args[1], zero_.of(dtype_), in_.get(), args[1]),
                "cudnnPoolingBackward");
  }
};

std::unique_ptr<Plan> plan_average(const OpView& op, Device& device, bool forward) {
  const auto mode = CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING;
  if (!windows_stay_inside(op, op.shape(forward ? 0 : 1), op.shape(forward ? 1 : 0)))
    throw Declined("cuDNN divides windows that leave the padded input by their whole size");
  if (forward) return std::make_unique<PoolingForward>(op, device, mode);
  return std::make_unique<PoolingAverageBackward>(op, device, mode);
}

}  // namespace

std::unique_ptr<Plan> plan_pooling(const OpView& op, Device& device) {
  if (op.op() == "pooling_average_forward") return plan_average(op, device, true);
  if (op.op() == "pooling_average_backward") return plan_average(op, device, false);
  if (op.integer("training", 1) != 0) {
    throw Declined(
        "cuDNN's gradient of max pooling reads x and y once more and doesn't say which of equal "
        "values gets it; the layer's kernels keep the place");
  }
  return std::make_unique<PoolingForward>(op, device, CUDNN_POOLING_MAX);
}

}  // namespace dlrun::cuda
