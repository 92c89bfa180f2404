// Gradients of convolution, by data and by weights and bias.
#include "convolution.hpp"

namespace dlrun::cuda {

namespace {

// dy, w, dx; or as a transposed convolution's forward x, w, bias?, y.
class ConvolutionBackwardData final : public Plan {
 public:
  ConvolutionBackwardData(const OpView& op, Device& device)
      : dnn_(device.dnn()),
        dx_(op.op() == "deconvolution_forward" ? 3 : 2),
        has_bias_(dx_ == 3 && op.has_arg(kBias)),
        tensors_(op, op.shape(dx_), op.shape(1), op.shape(0)),
        beta_(accept_accumulate(op)) {
    const auto [algorithm, bytes] = choose(device.workspace_limit());
    algorithm_ = algorithm;
    op.desc().workspace_bytes = workspace_bytes_ = bytes;
  }

  void run(Stream& stream, const Arguments& args) override {
    const cudnnHandle_t handle = dnn_.in(stream.get());
    const uint32_t dtype = tensors_.dtype;
    check_cudnn(cudnn().cudnnConvolutionBackwardData(
                    handle, one_.of(dtype), tensors_.w.get(), args[1], tensors_.y.get(), args[0],
                    tensors_.convolution.get(), algorithm_, args.workspace(), workspace_bytes_,
                    beta_.of(dtype), tensors_.x.get(), args[static_cast<uint32_t>(dx_)]),
                "cudnnConvolutionBackwardData");
    if (!has_bias_) return;
    check_cudnn(
        cudnn().cudnnAddTensor(handle, one_.of(dtype), tensors_.x_bias.get(), args[kBias],
                               one_.of(dtype), tensors_.x.get(), args[static_cast<uint32_t>(dx_)]),
        "cudnnAddTensor");
  }

 private:
  std::pair<cudnnConvolutionBwdDataAlgo_t, size_t> choose(uint64_t limit) const {
    cudnnConvolutionBwdDataAlgoPerf_t found[kMostAlgorithms];
    int count = 0;
    check_cudnn(cudnn().cudnnGetConvolutionBackwardDataAlgorithm_v7(
                    dnn_.handle(), tensors_.w.get(), tensors_.y.get(), tensors_.convolution.get(),
                    tensors_.x.get(), kMostAlgorithms, &count, found),
                "cudnnGetConvolutionBackwardDataAlgorithm_v7");
    return choose_algorithm(found, count, limit, [&](auto algorithm, size_t* bytes) {
      return cudnn().cudnnGetConvolutionBackwardDataWorkspaceSize(
          dnn_.handle(), tensors_.w.get(), tensors_.y.get(), tensors_.convolution.get(),
          tensors_.x.get(), algorithm, bytes);
    });
  }

  static constexpr int kBias = 2;
  Dnn& dnn_;
  int dx_;
  bool has_bias_;
  ConvolutionTensors tensors_;
  cudnnConvolutionBwdDataAlgo_t algorithm_{};
  size_t workspace_bytes_ = 0;
  Factor one_{1};
  Factor beta_;
};

// x, dy, dw, dbias?
class ConvolutionBackwardWeights final : public Plan {
 public:
  ConvolutionBackwardWeights(const OpView& op, Device& device)
      : dnn_(device.dnn()),
        tensors_(op, op.shape(0), op.shape(2), op.shape(1)),
        has_bias_(op.has_arg(3)),
        beta_(accept_accumulate(op)) {
    const auto [algorithm, bytes] = choose(device.workspace_limit());
    algorithm_ = algorithm;
    op.desc().workspace_bytes = workspace_bytes_ = bytes;
  }

  void run(Stream& stream, const Arguments& args) override {
    const cudnnHandle_t handle = dnn_.in(stream.get());
    const uint32_t dtype = tensors_.dtype;
    check_cudnn(cudnn().cudnnConvolutionBackwardFilter(
                    handle, one_.of(dtype), tensors_.x.get(), args[0], tensors_.y.get(), args[1],
                    tensors_.convolution.get(), algorithm_, args.workspace(), workspace_bytes_,
                    beta_.of(dtype), tensors_.w.get(), args[2]),
                "cudnnConvolutionBackwardFilter");
    if (!has_bias_) return;
    check_cudnn(
        cudnn().cudnnConvolutionBackwardBias(handle, one_.of(dtype), tensors_.y.get(), args[1],
                                             beta_.of(dtype), tensors_.bias.get(), args[3]),
        "cudnnConvolutionBackwardBias");
  }

 private:
  std::pair<cudnnConvolutionBwdFilterAlgo_t, size_t> choose(uint64_t limit) const {
    cudnnConvolutionBwdFilterAlgoPerf_t found[kMostAlgorithms];
    int count = 0;
    check_cudnn(cudnn().cudnnGetConvolutionBackwardFilterAlgorithm_v7(
                    dnn_.handle(), tensors_.x.get(), tensors_.y.get(), tensors_.convolution.get(),
                    tensors_.w.get(), kMostAlgorithms, &count, found),
                "cudnnGetConvolutionBackwardFilterAlgorithm_v7");
    return choose_algorithm(found, count, limit, [&](auto algorithm, size_t* bytes) {
      return cudnn().cudnnGetConvolutionBackwardFilterWorkspaceSize(
          dnn_.handle(), tensors_.x.get(), tensors_.y.get(), tensors_.convolution.get(),
          tensors_.w.get(), algorithm, bytes);
    });
  }

  Dnn& dnn_;
  ConvolutionTensors tensors_;
  bool has_bias_;
  cudnnConvolutionBwdFilterAlgo_t algorithm_{};
  size_t workspace_bytes_ = 0;
  Factor one_{1};
  Factor beta_;
};

}  // namespace

std::unique_ptr<Plan> plan_convolution_backward_data(const OpView& op, Device& device) {
  return std::make_unique<ConvolutionBackwardData>(op, device);
}

std::unique_ptr<Plan> plan_convolution_backward_weights(const OpView& op, Device& device) {
  return std::make_unique<ConvolutionBackwardWeights>(op, device);
}

}  // namespace dlrun::cuda
