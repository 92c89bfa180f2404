// cuDNN's stand-in: descriptors that are checked whenever they are used, and what its functions
// share.
#pragma once

#include <cudnn.h>

#include <cstddef>
#include <vector>

#include "control.hpp"
#include "cpu_operators.hpp"
#include "machine.hpp"
#include "memory.hpp"

struct cudnnContext {
  int device;
  CUstream stream = nullptr;
};
struct cudnnTensorStruct {
  cudnnDataType_t type;
  std::vector<int> extents;  // none: not set yet
};
struct cudnnFilterStruct {
  cudnnDataType_t type;
  std::vector<int> extents;
};
struct cudnnConvolutionStruct {
  std::vector<int> pad, stride, dilation;
  cudnnDataType_t type;
  int groups = 1;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};
struct cudnnActivationStruct {
  bool is_relu = false;
};
struct cudnnPoolingStruct {
  cudnnPoolingMode_t mode;
  std::vector<int> window, pad, stride;
};
struct cudnnLRNStruct {
  int size = 0;
  double alpha, beta, k;
};

namespace cuda_double {

constexpr const char* kDnnHandle = "cuDNN handle";
constexpr const char* kDescriptor = "cuDNN descriptor";

template <class Body>
cudnnStatus_t dnn_call(const char* name, Body&& body) {
  return call(name, CUDNN_STATUS_INTERNAL_ERROR, CUDNN_STATUS_BAD_PARAM, [&] {
    body();
    return CUDNN_STATUS_SUCCESS;
  });
}

template <class T>
cudnnStatus_t make_descriptor(const char* name, T** descriptor) {
  return dnn_call(name, [&] {
    *descriptor = new T{};
    add_object(*descriptor, kDescriptor, -2);
  });
}
template <class T>
cudnnStatus_t destroy_descriptor(const char* name, T* descriptor) {
  return release(name, CUDNN_STATUS_SUCCESS, [&] {
    remove_object(descriptor, kDescriptor);
    delete descriptor;
  });
}

// Throw Misuse unless it is alive and set.
const cudnnTensorStruct& tensor(cudnnTensorDescriptor_t descriptor);
const cudnnFilterStruct& filter(cudnnFilterDescriptor_t descriptor);
void require_handle(cudnnHandle_t handle);
// One number for each of y's channels.
void require_bias(const cudnnTensorStruct& bias, const cudnnTensorStruct& y);

int64_t count_of(const std::vector<int>& extents);

dlrun::Shape shape_of(const std::vector<int>& extents);
inline std::vector<int64_t> wide(const std::vector<int>& numbers) {
  return {numbers.begin(), numbers.end()};
}

// out = alpha * value + beta * old, where old isn't read when beta is 0.
template <class T>
struct Blend {
  Blend(const void* alpha, const void* beta)
      : alpha(*static_cast<const T*>(alpha)), beta(*static_cast<const T*>(beta)) {}
  void operator()(T& to, double value) const {
    to = static_cast<T>(alpha * value + (beta == 0 ? 0 : beta * static_cast<double>(to)));
  }
  // All that an operator has written, to a device's memory.
  void operator()(int device, void* at, const std::vector<T>& values) const {
    T* to = real_elements<T>(device, at, values.size());
    for (size_t i = 0; i < values.size(); ++i)
      (*this)(to[i], values[i]);
  }
  double alpha, beta;
};

// Calls body(T()) with the elements' type.
template <class Body>
void with_type(cudnnDataType_t type, Body&& body) {
  if (type == CUDNN_DATA_FLOAT) return body(float());
  require(type == CUDNN_DATA_DOUBLE, "an unknown element type");
  body(double());
}

}  // namespace cuda_double
