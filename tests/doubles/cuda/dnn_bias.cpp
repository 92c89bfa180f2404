// cuDNN's biases by the definition: the cpu device has no operator that only adds one, or sums its
// gradient.
#include "dnn.hpp"

using namespace cuda_double;

namespace cuda_double {

void require_bias(const cudnnTensorStruct& bias, const cudnnTensorStruct& y) {
  require(bias.type == y.type && bias.extents.size() == y.extents.size() &&
              bias.extents[1] == y.extents[1] && count_of(bias.extents) == bias.extents[1],
          "a bias that doesn't fit");
}

}  // namespace cuda_double

cudnnStatus_t cudnnAddTensor(cudnnHandle_t handle, const void* alpha,
                             cudnnTensorDescriptor_t a_descriptor, const void* a, const void* beta,
                             cudnnTensorDescriptor_t c_descriptor, void* c) {
  return dnn_call("cudnnAddTensor", [&] {
    require_handle(handle);
    const cudnnTensorStruct& to = tensor(c_descriptor);
    require_bias(tensor(a_descriptor), to);
    with_type(to.type, [&](auto zero) {
      using T = decltype(zero);
      const Blend<T> blend(alpha, beta);
      require(blend.alpha == 1 && blend.beta == 1, "the double adds as it is");
      issue(handle->stream,
            {"adding a bias", [=, d = handle->device, shape = shape_of(to.extents)] {
               T* sums = real_elements<T>(d, c, shape.count());
               const T* bias = real_elements<T>(d, a, shape[1]);
               const int64_t plane = shape.count(2, shape.rank());
               for (int64_t i = 0; i < shape.count(); ++i)
                 sums[i] += bias[i / plane % shape[1]];
             }});
    });
  });
}

cudnnStatus_t cudnnConvolutionBackwardBias(cudnnHandle_t handle, const void* alpha,
                                           cudnnTensorDescriptor_t dy_descriptor, const void* dy,
                                           const void* beta, cudnnTensorDescriptor_t db_descriptor,
                                           void* db) {
  return dnn_call("cudnnConvolutionBackwardBias", [&] {
    require_handle(handle);
    const cudnnTensorStruct& from = tensor(dy_descriptor);
    require_bias(tensor(db_descriptor), from);
    with_type(from.type, [&](auto zero) {
      using T = decltype(zero);
      issue(handle->stream,
            {"bias gradient", [=, d = handle->device, shape = shape_of(from.extents),
                               blend = Blend<T>(alpha, beta)] {
               const T* gradient = real_elements<T>(d, dy, shape.count());
               const int64_t plane = shape.count(2, shape.rank());
               std::vector<T> sums(static_cast<size_t>(shape[1]));
               for (int64_t i = 0; i < shape.count(); ++i)
                 sums[static_cast<size_t>(i / plane % shape[1])] += gradient[i];
               blend(d, db, sums);
             }});
    });
  });
}
