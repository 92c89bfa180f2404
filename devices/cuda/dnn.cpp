// Opening cuDNN, and its descriptors.
#include "dnn.hpp"

#include <limits>

namespace dlrun::cuda {

namespace {

constexpr int kLeastRank = 4;
constexpr int kLargestRank = 5;

std::vector<int> row_major_strides(const std::vector<int>& extents) {
  std::vector<int> strides(extents.size(), 1);
  for (size_t axis = extents.size() - 1; axis-- > 0;)
    strides[axis] = strides[axis + 1] * extents[axis + 1];
  return strides;
}

}  // namespace

Cudnn::Cudnn() {
  Library library(LibraryKind::kDnn);
#define DLR_LOAD(name) library.load(name, #name);
  DLR_CUDNN(DLR_LOAD)
  problem = library.problem();
}

const Cudnn& cudnn() {
  static const Cudnn cudnn;
  return cudnn;
}

void check_cudnn(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  const bool memory = status == CUDNN_STATUS_ALLOC_FAILED;
  throw Error(std::string(call) + " failed: " + cudnn().cudnnGetErrorString(status),
              memory ? DLR_OUT_OF_MEMORY : DLR_DEVICE_ERROR);
}

Dnn::Dnn() {
  check_cudnn(cudnn().cudnnCreate(&handle_), "cudnnCreate");
}

Dnn::~Dnn() {
  cudnn().cudnnDestroy(handle_);
}

cudnnHandle_t Dnn::in(CUstream_st* stream) {
  if (stream == stream_) return handle_;
  check_cudnn(cudnn().cudnnSetStream(handle_, stream), "cudnnSetStream");
  stream_ = stream;
  return handle_;
}

cudnnDataType_t data_type(uint32_t dtype) {
  return dtype == DLR_F64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
}

std::vector<int> extents(const Shape& shape) {
  if (shape.rank() > kLargestRank) throw Declined("cuDNN takes tensors of rank 5 at most");
  if (shape.count() == 0) throw Declined("cuDNN takes no empty tensors");
  if (shape.count() > std::numeric_limits<int>::max())
    throw Declined("cuDNN counts elements with 32 bits");
  std::vector<int> extents;
  for (int axis = 0; axis < shape.rank(); ++axis)
    extents.push_back(static_cast<int>(shape[axis]));
  while (extents.size() < kLeastRank)
    extents.push_back(1);
  return extents;
}

std::vector<int> per_axis(const std::vector<int64_t>& list, int neutral) {
  std::vector<int> numbers;
  for (const int64_t number : list) {
    if (number > std::numeric_limits<int>::max()) throw Declined("cuDNN counts with 32 bits");
    numbers.push_back(static_cast<int>(number));
  }
  while (numbers.size() + 2 < kLeastRank)
    numbers.push_back(neutral);
  return numbers;
}

TensorDescriptor tensor_descriptor(uint32_t dtype, const std::vector<int>& extents) {
  TensorDescriptor descriptor(cudnn().cudnnCreateTensorDescriptor,
                              cudnn().cudnnDestroyTensorDescriptor);
  check_cudnn(cudnn().cudnnSetTensorNdDescriptor(descriptor.get(), data_type(dtype),
                                                 static_cast<int>(extents.size()), extents.data(),
                                                 row_major_strides(extents).data()),
              "cudnnSetTensorNdDescriptor");
  return descriptor;
}

FilterDescriptor filter_descriptor(uint32_t dtype, const std::vector<int>& extents) {
  FilterDescriptor descriptor(cudnn().cudnnCreateFilterDescriptor,
                              cudnn().cudnnDestroyFilterDescriptor);
  check_cudnn(
      cudnn().cudnnSetFilterNdDescriptor(descriptor.get(), data_type(dtype), CUDNN_TENSOR_NCHW,
                                         static_cast<int>(extents.size()), extents.data()),
      "cudnnSetFilterNdDescriptor");
  return descriptor;
}

}  // namespace dlrun::cuda
