// cuDNN's pooling, with shapes checked; the numbers are the cpu device's.
#include "dnn.hpp"

using namespace cuda_double;

namespace {

struct Geometry {
  Geometry(cudnnPoolingDescriptor_t pooling, cudnnTensorDescriptor_t x_descriptor,
           cudnnTensorDescriptor_t y_descriptor) {
    require_object(pooling, kDescriptor);
    const cudnnTensorStruct& in = tensor(x_descriptor);
    const cudnnTensorStruct& out = tensor(y_descriptor);
    require(in.type == out.type && in.extents.size() == out.extents.size() &&
                in.extents.size() == pooling->window.size() + 2 &&
                in.extents[0] == out.extents[0] && in.extents[1] == out.extents[1],
            "shapes don't fit");
    type = in.type, descriptor = *pooling;
    require(is_max() || descriptor.mode == CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING,
            "the double knows no other way of pooling");
    x = shape_of(in.extents), y = shape_of(out.extents);
    for (size_t i = 0; i < pooling->window.size(); ++i) {
      const int last = (out.extents[i + 2] - 1) * pooling->stride[i] - pooling->pad[i];
      require(last < in.extents[i + 2], "a window outside of x");
      // There cuDNN divides by the whole window, and the cpu device by a part of it.
      require(is_max() || last + pooling->window[i] <= in.extents[i + 2] + pooling->pad[i],
              "the double averages within the padding only");
    }
  }

  bool is_max() const { return descriptor.mode == CUDNN_POOLING_MAX; }

  template <class T>
  CpuOperator<T> cpu_operator(const char* op, int device) const {
    CpuOperator<T> pooling(op, device);
    pooling.desc.attribute("kernel", wide(descriptor.window));
    pooling.desc.attribute("stride", wide(descriptor.stride));
    pooling.desc.attribute("pad", wide(descriptor.pad));
    return pooling;
  }

  cudnnDataType_t type;
  cudnnPoolingStruct descriptor;
  dlrun::Shape x, y;
};

}  // namespace

cudnnStatus_t cudnnPoolingForward(cudnnHandle_t handle, cudnnPoolingDescriptor_t pooling,
                                  const void* alpha, cudnnTensorDescriptor_t x_descriptor,
                                  const void* x, const void* beta,
                                  cudnnTensorDescriptor_t y_descriptor, void* y) {
  return dnn_call("cudnnPoolingForward", [&] {
    require_handle(handle);
    const Geometry g(pooling, x_descriptor, y_descriptor);
    with_type(g.type, [&](auto zero) {
      using T = decltype(zero);
      issue(handle->stream,
            {"pooling forward", [=, d = handle->device, blend = Blend<T>(alpha, beta)] {
               CpuOperator<T> pooling = g.cpu_operator<T>(
                   g.is_max() ? "pooling_max_forward" : "pooling_average_forward", d);
               if (g.is_max()) pooling.desc.attribute("training", 0);
               pooling.reads(g.x, x);
               pooling.writes(g.y);
               pooling.run();
               blend(d, y, pooling.written());
             }});
    });
  });
}

cudnnStatus_t cudnnPoolingBackward(cudnnHandle_t handle, cudnnPoolingDescriptor_t pooling,
                                   const void* alpha, cudnnTensorDescriptor_t y_descriptor,
                                   const void* y, cudnnTensorDescriptor_t dy_descriptor,
                                   const void* dy, cudnnTensorDescriptor_t x_descriptor,
                                   const void* x, const void* beta,
                                   cudnnTensorDescriptor_t dx_descriptor, void* dx) {
  return dnn_call("cudnnPoolingBackward", [&] {
    require_handle(handle);
    const Geometry g(pooling, dx_descriptor, dy_descriptor);
    require(!g.is_max(), "the double knows the gradient of averages only");
    require(tensor(y_descriptor).extents == tensor(dy_descriptor).extents &&
                tensor(x_descriptor).extents == tensor(dx_descriptor).extents && y != nullptr &&
                x != nullptr,
            "x and y must be there");
    with_type(g.type, [&](auto zero) {
      using T = decltype(zero);
      issue(handle->stream,
            {"pooling backward", [=, d = handle->device, blend = Blend<T>(alpha, beta)] {
               CpuOperator<T> pooling = g.cpu_operator<T>("pooling_average_backward", d);
               pooling.reads(g.y, dy);
               pooling.writes(g.x);
               pooling.run();
               blend(d, dx, pooling.written());
             }});
    });
  });
}
