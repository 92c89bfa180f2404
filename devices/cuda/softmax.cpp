// Softmax along one axis by cuDNN.
#include "device.hpp"
#include "plan.hpp"

namespace dlrun::cuda {

namespace {

// [before the axis, the axis, behind it, 1]: cuDNN's channels are the axis.
TensorDescriptor rows_descriptor(const OpView& op) {
  const Shape shape = op.shape(0);
  const int axis = shape.axis(op.integer("axis", 1));
  const Shape rows{shape.count(0, axis), shape[axis], shape.count(axis + 1, shape.rank())};
  return tensor_descriptor(op.arg(0).dtype, extents(rows));
}

// Forward: x, y. Backward: y, dy, dx.
class Softmax final : public Plan {
 public:
  Softmax(const OpView& op, Device& device)
      : dnn_(device.dnn()),
        dtype_(op.arg(0).dtype),
        forward_(op.op() == "softmax_forward"),
        tensor_(rows_descriptor(op)) {}

  void run(Stream& stream, const Arguments& args) override {
    const cudnnHandle_t handle = dnn_.in(stream.get());
    const auto algorithm = CUDNN_SOFTMAX_ACCURATE;  // subtracts the largest first
    const auto mode = CUDNN_SOFTMAX_MODE_CHANNEL;
    const cudnnTensorDescriptor_t t = tensor_.get();
    if (forward_) {
      check_cudnn(cudnn().cudnnSoftmaxForward(handle, algorithm, mode, one_.of(dtype_), t, args[0],
                                              zero_.of(dtype_), t, args[1]),
                  "cudnnSoftmaxForward");
    } else {
      check_cudnn(cudnn().cudnnSoftmaxBackward(handle, algorithm, mode, one_.of(dtype_), t, args[0],
                                               t, args[1], zero_.of(dtype_), t, args[2]),
                  "cudnnSoftmaxBackward");
    }
  }

 private:
  Dnn& dnn_;
  uint32_t dtype_;
  bool forward_;
  TensorDescriptor tensor_;
  Factor one_{1};
  Factor zero_{0};
};

}  // namespace

std::unique_ptr<Plan> plan_softmax(const OpView& op, Device& device) {
  return std::make_unique<Softmax>(op, device);
}

}  // namespace dlrun::cuda
