// cuDNN's handle and descriptors.
#include "dnn.hpp"

using namespace cuda_double;

namespace cuda_double {

namespace {

std::vector<int> checked(int count, const int* numbers, int least) {
  require(count >= 2 && count <= 5, "an unusual number of axes");
  std::vector<int> list(numbers, numbers + count);
  for (const int number : list)
    require(number >= least, "a number out of range");
  return list;
}

}  // namespace

const cudnnTensorStruct& tensor(cudnnTensorDescriptor_t descriptor) {
  require_object(descriptor, kDescriptor);
  require(!descriptor->extents.empty(), "a tensor descriptor that wasn't set");
  return *descriptor;
}

const cudnnFilterStruct& filter(cudnnFilterDescriptor_t descriptor) {
  require_object(descriptor, kDescriptor);
  require(!descriptor->extents.empty(), "a filter descriptor that wasn't set");
  return *descriptor;
}

void require_handle(cudnnHandle_t handle) {
  require(require_object(handle, kDnnHandle) == current_device(), "a handle of another context");
}

int64_t count_of(const std::vector<int>& extents) {
  int64_t count = 1;
  for (const int extent : extents)
    count *= extent;
  return count;
}

dlrun::Shape shape_of(const std::vector<int>& extents) {
  dlrun::Shape shape;
  for (const int extent : extents)
    shape.push_back(extent);
  return shape;
}

}  // namespace cuda_double

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  return dnn_call("cudnnCreate", [&] {
    *handle = new cudnnContext{current_device()};
    add_object(*handle, kDnnHandle, current_device());
  });
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  return release("cudnnDestroy", CUDNN_STATUS_SUCCESS, [&] {
    remove_object(handle, kDnnHandle);
    delete handle;
  });
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  return dnn_call("cudnnSetStream", [&] {
    require_handle(handle);
    require_stream(stream);
    handle->stream = stream;
  });
}

const char* cudnnGetErrorString(cudnnStatus_t) {
  return kPlanned;
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* descriptor) {
  return make_descriptor("cudnnCreateTensorDescriptor", descriptor);
}
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t descriptor) {
  return destroy_descriptor("cudnnDestroyTensorDescriptor", descriptor);
}
cudnnStatus_t cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t descriptor, cudnnDataType_t type,
                                         int count, const int* extents, const int* strides) {
  return dnn_call("cudnnSetTensorNdDescriptor", [&] {
    require_object(descriptor, kDescriptor);
    require(count >= 4, "cuDNN wants tensors of rank 4 at least");
    descriptor->type = type;
    descriptor->extents = checked(count, extents, 1);
    int64_t stride = 1;
    for (int axis = count - 1; axis >= 0; --axis) {
      require(strides[axis] == stride, "strides that aren't row-major");
      stride *= extents[axis];
    }
  });
}

cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* descriptor) {
  return make_descriptor("cudnnCreateFilterDescriptor", descriptor);
}
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t descriptor) {
  return destroy_descriptor("cudnnDestroyFilterDescriptor", descriptor);
}
cudnnStatus_t cudnnSetFilterNdDescriptor(cudnnFilterDescriptor_t descriptor, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int count,
                                         const int* extents) {
  return dnn_call("cudnnSetFilterNdDescriptor", [&] {
    require_object(descriptor, kDescriptor);
    require(format == CUDNN_TENSOR_NCHW && count >= 4, "not a plain filter of rank 4 at least");
    descriptor->type = type;
    descriptor->extents = checked(count, extents, 1);
  });
}

cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* descriptor) {
  return make_descriptor("cudnnCreateConvolutionDescriptor", descriptor);
}
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t descriptor) {
  return destroy_descriptor("cudnnDestroyConvolutionDescriptor", descriptor);
}
cudnnStatus_t cudnnSetConvolutionNdDescriptor(cudnnConvolutionDescriptor_t descriptor, int count,
                                              const int* pad, const int* stride,
                                              const int* dilation, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t type) {
  return dnn_call("cudnnSetConvolutionNdDescriptor", [&] {
    require_object(descriptor, kDescriptor);
    require(mode == CUDNN_CROSS_CORRELATION, "a convolution that turns its filter around");
    descriptor->pad = checked(count, pad, 0);
    descriptor->stride = checked(count, stride, 1);
    descriptor->dilation = checked(count, dilation, 1);
    descriptor->type = type;
  });
}
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t descriptor, int groups) {
  return dnn_call("cudnnSetConvolutionGroupCount", [&] {
    require_object(descriptor, kDescriptor);
    require(groups >= 1, "no group");
    descriptor->groups = groups;
  });
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t descriptor,
                                          cudnnMathType_t math) {
  return dnn_call("cudnnSetConvolutionMathType", [&] {
    require_object(descriptor, kDescriptor);
    descriptor->math = math;
  });
}

cudnnStatus_t cudnnCreateActivationDescriptor(cudnnActivationDescriptor_t* descriptor) {
  return make_descriptor("cudnnCreateActivationDescriptor", descriptor);
}
cudnnStatus_t cudnnDestroyActivationDescriptor(cudnnActivationDescriptor_t descriptor) {
  return destroy_descriptor("cudnnDestroyActivationDescriptor", descriptor);
}
cudnnStatus_t cudnnSetActivationDescriptor(cudnnActivationDescriptor_t descriptor,
                                           cudnnActivationMode_t mode, cudnnNanPropagation_t nan,
                                           double) {
  return dnn_call("cudnnSetActivationDescriptor", [&] {
    require_object(descriptor, kDescriptor);
    require(nan == CUDNN_PROPAGATE_NAN, "an activation that hides NaN");
    descriptor->is_relu = mode == CUDNN_ACTIVATION_RELU;
  });
}

cudnnStatus_t cudnnCreatePoolingDescriptor(cudnnPoolingDescriptor_t* descriptor) {
  return make_descriptor("cudnnCreatePoolingDescriptor", descriptor);
}
cudnnStatus_t cudnnDestroyPoolingDescriptor(cudnnPoolingDescriptor_t descriptor) {
  return destroy_descriptor("cudnnDestroyPoolingDescriptor", descriptor);
}
cudnnStatus_t cudnnSetPoolingNdDescriptor(cudnnPoolingDescriptor_t descriptor,
                                          cudnnPoolingMode_t mode, cudnnNanPropagation_t, int count,
                                          const int* window, const int* pad, const int* stride) {
  return dnn_call("cudnnSetPoolingNdDescriptor", [&] {
    require_object(descriptor, kDescriptor);
    *descriptor = {mode, checked(count, window, 1), checked(count, pad, 0),
                   checked(count, stride, 1)};
    for (int i = 0; i < count; ++i)
      require(pad[i] < window[i], "a window that can lie in the padding alone");
  });
}

cudnnStatus_t cudnnCreateLRNDescriptor(cudnnLRNDescriptor_t* descriptor) {
  return make_descriptor("cudnnCreateLRNDescriptor", descriptor);
}
cudnnStatus_t cudnnDestroyLRNDescriptor(cudnnLRNDescriptor_t descriptor) {
  return destroy_descriptor("cudnnDestroyLRNDescriptor", descriptor);
}
cudnnStatus_t cudnnSetLRNDescriptor(cudnnLRNDescriptor_t descriptor, unsigned size, double alpha,
                                    double beta, double k) {
  return dnn_call("cudnnSetLRNDescriptor", [&] {
    require_object(descriptor, kDescriptor);
    require(size >= CUDNN_LRN_MIN_N && size <= CUDNN_LRN_MAX_N && k >= CUDNN_LRN_MIN_K &&
                beta >= CUDNN_LRN_MIN_BETA,
            "a number out of range");
    *descriptor = {static_cast<int>(size), alpha, beta, k};
  });
}
