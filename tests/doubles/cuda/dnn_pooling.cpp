// cuDNN's pooling by the definition.
#include <algorithm>
#include <limits>

#include "dnn.hpp"

using namespace cuda_double;

namespace {

struct Geometry {
  Geometry(cudnnPoolingDescriptor_t pooling, cudnnTensorDescriptor_t x_descriptor,
           cudnnTensorDescriptor_t y_descriptor) {
    require_object(pooling, kDescriptor);
    const cudnnTensorStruct& x = tensor(x_descriptor);
    const cudnnTensorStruct& y = tensor(y_descriptor);
    require(x.type == y.type && x.extents.size() == y.extents.size() &&
                x.extents.size() == pooling->window.size() + 2 && x.extents[0] == y.extents[0] &&
                x.extents[1] == y.extents[1],
            "shapes don't fit");
    type = x.type, mode = pooling->mode;
    in = spatial(x.extents, 2, 1), out = spatial(y.extents, 2, 1);
    window = spatial(pooling->window, 0, 1), pad = spatial(pooling->pad, 0, 0);
    stride = spatial(pooling->stride, 0, 1);
    x_count = count_of(x.extents), y_count = count_of(y.extents);
    for (int i = 0; i < 3; ++i)
      require((out.at[i] - 1) * stride.at[i] - pad.at[i] < in.at[i], "a window outside of x");
  }

  int64_t window_size() const { return window.at[0] * window.at[1] * window.at[2]; }

  // Calls body(x index) for the elements of a window.
  template <class Body>
  void for_window(int64_t y, Body body) const {
    const int64_t o[3] = {y / out.at[2] / out.at[1] % out.at[0], y / out.at[2] % out.at[1],
                          y % out.at[2]};
    const int64_t plane = y / (out.at[0] * out.at[1] * out.at[2]);
    int64_t begin[3], end[3];
    for (int i = 0; i < 3; ++i) {
      begin[i] = std::max<int64_t>(o[i] * stride.at[i] - pad.at[i], 0);
      end[i] = std::min(o[i] * stride.at[i] - pad.at[i] + window.at[i], in.at[i]);
    }
    for (int64_t a = begin[0]; a < end[0]; ++a) {
      for (int64_t b = begin[1]; b < end[1]; ++b) {
        for (int64_t c = begin[2]; c < end[2]; ++c)
          body(((plane * in.at[0] + a) * in.at[1] + b) * in.at[2] + c);
      }
    }
  }

  cudnnDataType_t type;
  cudnnPoolingMode_t mode;
  Axes in, out, window, pad, stride;
  int64_t x_count, y_count;
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
               const T* from = real_elements<T>(d, x, g.x_count);
               T* to = real_elements<T>(d, y, g.y_count);
               for (int64_t i = 0; i < g.y_count; ++i) {
                 double largest = -std::numeric_limits<double>::infinity();
                 double sum = 0;
                 g.for_window(i, [&](int64_t at) {
                   largest = std::max<double>(largest, from[at]);
                   sum += from[at];
                 });
                 blend(to[i], g.mode == CUDNN_POOLING_MAX
                                  ? largest
                                  : sum / static_cast<double>(g.window_size()));
               }
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
    require(g.mode == CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING, "the double averages only");
    require(tensor(y_descriptor).extents == tensor(dy_descriptor).extents &&
                tensor(x_descriptor).extents == tensor(dx_descriptor).extents && y != nullptr &&
                x != nullptr,
            "x and y must be there");
    with_type(g.type, [&](auto zero) {
      using T = decltype(zero);
      issue(handle->stream,
            {"pooling backward", [=, d = handle->device, blend = Blend<T>(alpha, beta)] {
               const T* from = real_elements<T>(d, dy, g.y_count);
               T* to = real_elements<T>(d, dx, g.x_count);
               std::vector<double> sums(static_cast<size_t>(g.x_count));
               for (int64_t i = 0; i < g.y_count; ++i) {
                 g.for_window(i, [&](int64_t at) {
                   sums[static_cast<size_t>(at)] += from[i] / static_cast<double>(g.window_size());
                 });
               }
               for (int64_t i = 0; i < g.x_count; ++i)
                 blend(to[i], sums[static_cast<size_t>(i)]);
             }});
    });
  });
}
