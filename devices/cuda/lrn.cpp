// Local response normalisation across channels by cuDNN.
#include "device.hpp"
#include "plan.hpp"

namespace dlrun::cuda {

namespace {

// cuDNN too divides alpha by the window's size.
LrnDescriptor lrn_descriptor(const OpView& op) {
  const int64_t size = op.integer("size", 0);
  const double beta = op.number("beta", 0.75);
  const double k = op.number("k", 1);
  if (size < CUDNN_LRN_MIN_N || size > CUDNN_LRN_MAX_N || size % 2 == 0)
    throw Declined("cuDNN's LRN takes windows of up to 16 channels; odd ones have a middle");
  if (beta < CUDNN_LRN_MIN_BETA || k < CUDNN_LRN_MIN_K)
    throw Declined("cuDNN's LRN takes beta from 0.01 and k from 1e-5 on");
  LrnDescriptor descriptor(cudnn().cudnnCreateLRNDescriptor, cudnn().cudnnDestroyLRNDescriptor);
  check_cudnn(cudnn().cudnnSetLRNDescriptor(descriptor.get(), static_cast<unsigned>(size),
                                            op.number("alpha", 1), beta, k),
              "cudnnSetLRNDescriptor");
  return descriptor;
}

// x [N,C,s...] as [N,C,S,1]: its positions are alike.
std::vector<int> channels_and_positions(const Shape& shape) {
  return extents(Shape{shape[0], shape[1], shape.count(2, shape.rank())});
}

// Forward: x, y. Backward: x, y, dy, dx.
class Lrn final : public Plan {
 public:
  Lrn(const OpView& op, Device& device)
      : dnn_(device.dnn()),
        dtype_(op.arg(0).dtype),
        forward_(op.op() == "lrn_forward"),
        lrn_(lrn_descriptor(op)),
        tensor_(tensor_descriptor(dtype_, channels_and_positions(op.shape(0)))) {}

  void run(Stream& stream, const Arguments& args) override {
    const cudnnHandle_t handle = dnn_.in(stream.get());
    const auto mode = CUDNN_LRN_CROSS_CHANNEL_DIM1;
    const cudnnTensorDescriptor_t t = tensor_.get();
    if (forward_) {
      check_cudnn(cudnn().cudnnLRNCrossChannelForward(handle, lrn_.get(), mode, one_.of(dtype_), t,
                                                      args[0], zero_.of(dtype_), t, args[1]),
                  "cudnnLRNCrossChannelForward");
    } else {
      check_cudnn(cudnn().cudnnLRNCrossChannelBackward(handle, lrn_.get(), mode, one_.of(dtype_), t,
                                                       args[1], t, args[2], t, args[0],
                                                       zero_.of(dtype_), t, args[3]),
                  "cudnnLRNCrossChannelBackward");
    }
  }

 private:
  Dnn& dnn_;
  uint32_t dtype_;
  bool forward_;
  LrnDescriptor lrn_;
  TensorDescriptor tensor_;
  Factor one_{1};
  Factor zero_{0};
};

}  // namespace

std::unique_ptr<Plan> plan_lrn(const OpView& op, Device& device) {
  return std::make_unique<Lrn>(op, device);
}

}  // namespace dlrun::cuda
