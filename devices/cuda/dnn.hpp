// cuDNN: a table of its functions, a handle, and its descriptors as owning values.
#pragma once

#include <cudnn.h>
#include <dlrun/device.hpp>

#include <utility>
#include <vector>

#include "library.hpp"

namespace dlrun::cuda {

#define DLR_CUDNN(use)                                                                                 \
  use(cudnnCreate) use(cudnnDestroy) use(cudnnSetStream) use(cudnnGetErrorString) use(                 \
      cudnnCreateTensorDescriptor) use(cudnnSetTensorNdDescriptor)                                     \
      use(cudnnDestroyTensorDescriptor) use(cudnnAddTensor) use(cudnnCreateFilterDescriptor) use(      \
          cudnnSetFilterNdDescriptor) use(cudnnDestroyFilterDescriptor)                                \
          use(cudnnCreateConvolutionDescriptor) use(cudnnSetConvolutionNdDescriptor) use(              \
              cudnnSetConvolutionGroupCount) use(cudnnSetConvolutionMathType)                          \
              use(cudnnDestroyConvolutionDescriptor) use(cudnnGetConvolutionNdForwardOutputDim) use(   \
                  cudnnGetConvolutionForwardAlgorithm_v7) use(cudnnGetConvolutionForwardWorkspaceSize) \
                  use(cudnnConvolutionForward) use(cudnnConvolutionBiasActivationForward) use(         \
                      cudnnGetConvolutionBackwardDataAlgorithm_v7)                                     \
                      use(cudnnGetConvolutionBackwardDataWorkspaceSize) use(                           \
                          cudnnConvolutionBackwardData)                                                \
                          use(cudnnGetConvolutionBackwardFilterAlgorithm_v7) use(                      \
                              cudnnGetConvolutionBackwardFilterWorkspaceSize)                          \
                              use(cudnnConvolutionBackwardFilter) use(                                 \
                                  cudnnConvolutionBackwardBias) use(cudnnCreateActivationDescriptor)   \
                                  use(cudnnSetActivationDescriptor) use(                               \
                                      cudnnDestroyActivationDescriptor)                                \
                                      use(cudnnCreatePoolingDescriptor) use(                           \
                                          cudnnSetPoolingNdDescriptor)                                 \
                                          use(cudnnDestroyPoolingDescriptor) use(                      \
                                              cudnnPoolingForward) use(cudnnPoolingBackward)           \
                                              use(cudnnCreateLRNDescriptor) use(                       \
                                                  cudnnSetLRNDescriptor)                               \
                                                  use(cudnnDestroyLRNDescriptor) use(                  \
                                                      cudnnLRNCrossChannelForward)                     \
                                                      use(cudnnLRNCrossChannelBackward) use(           \
                                                          cudnnSoftmaxForward)                         \
                                                          use(cudnnSoftmaxBackward) use(               \
                                                              cudnnBatchNormalizationForwardInference) \
                                                              use(cudnnBatchNormalizationBackward)

#define DLR_CUDNN_MEMBER(name) decltype(&::name) name = nullptr;
struct Cudnn {
  Cudnn();
  std::string problem;  // why it can't be used; empty when it can
  DLR_CUDNN(DLR_CUDNN_MEMBER)
};
const Cudnn& cudnn();

// Throws when a call failed; `call` is its name.
void check_cudnn(cudnnStatus_t status, const char* call);

class Dnn {
 public:
  Dnn();
  ~Dnn();
  Dnn(const Dnn&) = delete;
  Dnn& operator=(const Dnn&) = delete;
  cudnnHandle_t handle() const { return handle_; }
  // The handle, whose next calls go to that stream.
  cudnnHandle_t in(CUstream_st* stream);

 private:
  cudnnHandle_t handle_ = nullptr;
  CUstream_st* stream_ = nullptr;
};

// A descriptor of cuDNN's, by the two functions of the table that make and destroy it.
template <class T>
class Descriptor {
 public:
  using Make = cudnnStatus_t (*)(T*);
  using Destroy = cudnnStatus_t (*)(T);
  Descriptor(Make make, Destroy destroy) : destroy_(destroy) {
    check_cudnn(make(&handle_), "making a descriptor of cuDNN's");
  }
  Descriptor(Descriptor&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), destroy_(other.destroy_) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (handle_ != nullptr) destroy_(handle_);
  }
  T get() const { return handle_; }

 private:
  T handle_ = nullptr;
  Destroy destroy_;
};
using TensorDescriptor = Descriptor<cudnnTensorDescriptor_t>;
using FilterDescriptor = Descriptor<cudnnFilterDescriptor_t>;
using ConvolutionDescriptor = Descriptor<cudnnConvolutionDescriptor_t>;
using ActivationDescriptor = Descriptor<cudnnActivationDescriptor_t>;
using PoolingDescriptor = Descriptor<cudnnPoolingDescriptor_t>;
using LrnDescriptor = Descriptor<cudnnLRNDescriptor_t>;

cudnnDataType_t data_type(uint32_t dtype);

// A shape as cuDNN counts it: 32-bit extents, of rank 4 at least, ones behind. Declines what is
// empty or too large.
std::vector<int> extents(const Shape& shape);
// A list of one number for each spatial axis, with `neutral` for those that extents() adds.
std::vector<int> per_axis(const std::vector<int64_t>& list, int neutral);

// A plain tensor or filter.
TensorDescriptor tensor_descriptor(uint32_t dtype, const std::vector<int>& extents);
FilterDescriptor filter_descriptor(uint32_t dtype, const std::vector<int>& extents);

// A factor as cuDNN takes it: float for float32, double for float64.
class Factor {
 public:
  explicit Factor(double value) : wide_(value), narrow_(static_cast<float>(value)) {}
  const void* of(uint32_t dtype) const {
    return dtype == DLR_F64 ? static_cast<const void*>(&wide_) : &narrow_;
  }

 private:
  double wide_;
  float narrow_;
};

}  // namespace dlrun::cuda
