// Convolution forward: y = conv(x, w) + bias, and fused with a ReLU behind it.
#include "convolution.hpp"

namespace dlrun::cuda {

namespace {

// x, w, bias?, y
class ConvolutionForward : public Plan {
 public:
  ConvolutionForward(const OpView& op, Device& device)
      : dnn_(device.dnn()),
        tensors_(op, op.shape(0), op.shape(1), op.shape(3)),
        has_bias_(op.has_arg(2)),
        beta_(accept_accumulate(op)) {
    const auto [algorithm, bytes] = choose(device.workspace_limit());
    algorithm_ = algorithm;
    op.desc().workspace_bytes = workspace_bytes_ = bytes;
  }

  void run(Stream& stream, const Arguments& args) override {
    const cudnnHandle_t handle = dnn_.in(stream.get());
    const uint32_t dtype = tensors_.dtype;
    check_cudnn(cudnn().cudnnConvolutionForward(
                    handle, one_.of(dtype), tensors_.x.get(), args[0], tensors_.w.get(), args[1],
                    tensors_.convolution.get(), algorithm_, args.workspace(), workspace_bytes_,
                    beta_.of(dtype), tensors_.y.get(), args[3]),
                "cudnnConvolutionForward");
    if (!has_bias_) return;
    check_cudnn(cudnn().cudnnAddTensor(handle, one_.of(dtype), tensors_.bias.get(), args[2],
                                       one_.of(dtype), tensors_.y.get(), args[3]),
                "cudnnAddTensor");
  }

 protected:
  Dnn& dnn_;
  ConvolutionTensors tensors_;
  bool has_bias_;
  cudnnConvolutionFwdAlgo_t algorithm_{};
  size_t workspace_bytes_ = 0;
  Factor one_{1};
  Factor beta_;

 private:
  std::pair<cudnnConvolutionFwdAlgo_t, size_t> choose(uint64_t limit) const {
    cudnnConvolutionFwdAlgoPerf_t found[kMostAlgorithms];
    int count = 0;
    check_cudnn(cudnn().cudnnGetConvolutionForwardAlgorithm_v7(
                    dnn_.handle(), tensors_.x.get(), tensors_.w.get(), tensors_.convolution.get(),
                    tensors_.y.get(), kMostAlgorithms, &count, found),
                "cudnnGetConvolutionForwardAlgorithm_v7");
    return choose_algorithm(found, count, limit, [&](auto algorithm, size_t* bytes) {
      return cudnn().cudnnGetConvolutionForwardWorkspaceSize(
          dnn_.handle(), tensors_.x.get(), tensors_.w.get(), tensors_.convolution.get(),
          tensors_.y.get(), algorithm, bytes);
    });
  }
};

// In one call, for which cuDNN wants a bias.
class ConvolutionRelu final : public ConvolutionForward {
 public:
  ConvolutionRelu(const OpView& op, Device& device)
      : ConvolutionForward(op, device),
        relu_(cudnn().cudnnCreateActivationDescriptor, cudnn().cudnnDestroyActivationDescriptor) {
    check_cudnn(cudnn().cudnnSetActivationDescriptor(relu_.get(), CUDNN_ACTIVATION_RELU,
                                                     CUDNN_PROPAGATE_NAN, 0),
                "cudnnSetActivationDescriptor");
  }

  void run(Stream& stream, const Arguments& args) override {
    const uint32_t dtype = tensors_.dtype;
    check_cudnn(cudnn().cudnnConvolutionBiasActivationForward(
                    dnn_.in(stream.get()), one_.of(dtype), tensors_.x.get(), args[0],
                    tensors_.w.get(), args[1], tensors_.convolution.get(), algorithm_,
                    args.workspace(), workspace_bytes_, zero_.of(dtype), tensors_.y.get(), args[3],
                    tensors_.bias.get(), args[2], relu_.get(), tensors_.y.get(), args[3]),
                "cudnnConvolutionBiasActivationForward");
  }

 private:
  ActivationDescriptor relu_;
  Factor zero_{0};
};

void check_fusion(const OpView& op) {
  const dlr_post_op& post = *op.desc().post_ops[0];
  if (op.desc().n_post_ops > 1 || from_abi(post.kind) != "relu" || post.alpha != 0)
    throw Declined("cuDNN fuses a ReLU of slope 0 and nothing else");
  if (!op.has_arg(2)) throw Declined("cuDNN fuses a ReLU only behind a bias");
  if (op.desc().accumulate != 0) throw Declined("cuDNN fuses no sum");
}

}  // namespace

std::unique_ptr<Plan> plan_convolution_forward(const OpView& op, Device& device) {
  if (op.desc().n_post_ops == 0) return std::make_unique<ConvolutionForward>(op, device);
  check_fusion(op);
  return std::make_unique<ConvolutionRelu>(op, device);
}

}  // namespace dlrun::cuda
