// cuDNN's LRN and softmax with the cpu device's numbers, and its batch normalisation, of which the
// cpu device has no operator, by the definition. All over tensors [N, C, S].
#include <cmath>

#include "dnn.hpp"

using namespace cuda_double;

namespace {

// One layout for all operands; element (n, c, s).
struct Planes {
  explicit Planes(std::initializer_list<cudnnTensorDescriptor_t> descriptors) {
    const cudnnTensorStruct& first = tensor(*descriptors.begin());
    for (const cudnnTensorDescriptor_t each : descriptors)
      require(tensor(each).extents == first.extents && tensor(each).type == first.type,
              "shapes differ");
    type = first.type;
    n = first.extents[0], c = first.extents[1], s = count_of(first.extents) / n / c;
  }
  int64_t count() const { return n * c * s; }
  dlrun::Shape shape() const { return {n, c, s}; }
  // Calls body(index) for all elements of a channel.
  template <class Body>
  void for_channel(int64_t channel, Body body) const {
    for (int64_t i = 0; i < n * s; ++i)
      body((i / s * c + channel) * s + i % s);
  }

  cudnnDataType_t type;
  int64_t n, c, s;
};

template <class T>
CpuOperator<T> lrn_operator(const char* op, int device, const cudnnLRNStruct& lrn) {
  CpuOperator<T> cpu(op, device);
  cpu.desc.attribute("size", lrn.size).attribute("training", 1);
  cpu.desc.number("alpha", lrn.alpha).number("beta", lrn.beta).number("k", lrn.k);
  return cpu;
}

// Returns y and leaves in `scale` what the backward needs.
template <class T>
std::vector<T> lrn_forward(const Planes& p, int device, const cudnnLRNStruct& lrn, const void* x,
                           std::vector<T>* scale) {
  CpuOperator<T> forward = lrn_operator<T>("lrn_forward", device, lrn);
  forward.reads(p.shape(), x);
  forward.writes(p.shape());
  forward.run(scale);
  return forward.written();
}

const cudnnLRNStruct& set_lrn(cudnnLRNDescriptor_t descriptor) {
  require_object(descriptor, kDescriptor);
  require(descriptor->size > 0, "an LRN descriptor that wasn't set");
  return *descriptor;
}

void require_row(const cudnnTensorStruct& row, const Planes& p) {
  require(row.type == p.type && row.extents[1] == p.c && count_of(row.extents) == p.c,
          "not one number for each channel");
}

}  // namespace

cudnnStatus_t cudnnLRNCrossChannelForward(cudnnHandle_t handle, cudnnLRNDescriptor_t descriptor,
                                          cudnnLRNMode_t, const void* alpha,
                                          cudnnTensorDescriptor_t x_descriptor, const void* x,
                                          const void* beta, cudnnTensorDescriptor_t y_descriptor,
                                          void* y) {
  return dnn_call("cudnnLRNCrossChannelForward", [&] {
    require_handle(handle);
    const Planes p({x_descriptor, y_descriptor});
    with_type(p.type, [&](auto zero) {
      using T = decltype(zero);
      issue(handle->stream, {"LRN forward", [=, d = handle->device, lrn = set_lrn(descriptor),
                                             blend = Blend<T>(alpha, beta)] {
                               std::vector<T> scale;
                               blend(d, y, lrn_forward(p, d, lrn, x, &scale));
                             }});
    });
  });
}

cudnnStatus_t cudnnLRNCrossChannelBackward(cudnnHandle_t handle, cudnnLRNDescriptor_t descriptor,
                                           cudnnLRNMode_t, const void* alpha,
                                           cudnnTensorDescriptor_t y_descriptor, const void* y,
                                           cudnnTensorDescriptor_t dy_descriptor, const void* dy,
                                           cudnnTensorDescriptor_t x_descriptor, const void* x,
                                           const void* beta, cudnnTensorDescriptor_t dx_descriptor,
                                           void* dx) {
  return dnn_call("cudnnLRNCrossChannelBackward", [&] {
    require_handle(handle);
    const Planes p({x_descriptor, y_descriptor, dy_descriptor, dx_descriptor});
    with_type(p.type, [&](auto zero) {
      using T = decltype(zero);
      issue(handle->stream, {"LRN backward", [=, d = handle->device, lrn = set_lrn(descriptor),
                                              blend = Blend<T>(alpha, beta)] {
                               std::vector<T> scale;
                               lrn_forward(p, d, lrn, x, &scale);
                               CpuOperator<T> backward = lrn_operator<T>("lrn_backward", d, lrn);
                               for (const void* at : {x, y, dy})
                                 backward.reads(p.shape(), at);
                               backward.writes(p.shape());
                               backward.run(&scale);
                               blend(d, dx, backward.written());
                             }});
    });
  });
}

cudnnStatus_t cudnnSoftmaxForward(cudnnHandle_t handle, cudnnSoftmaxAlgorithm_t algorithm,
                                  cudnnSoftmaxMode_t mode, const void* alpha,
                                  cudnnTensorDescriptor_t x_descriptor, const void* x,
                                  const void* beta, cudnnTensorDescriptor_t y_descriptor, void* y) {
  return dnn_call("cudnnSoftmaxForward", [&] {
    require_handle(handle);
    require(algorithm == CUDNN_SOFTMAX_ACCURATE && mode == CUDNN_SOFTMAX_MODE_CHANNEL,
            "not the accurate one along channels");
    const Planes p({x_descriptor, y_descriptor});
    with_type(p.type, [&](auto zero) {
      using T = decltype(zero);
      issue(handle->stream,
            {"softmax forward", [=, d = handle->device, blend = Blend<T>(alpha, beta)] {
               CpuOperator<T> softmax("softmax_forward", d);
               softmax.desc.attribute("axis", 1);
               softmax.reads(p.shape(), x);
               softmax.writes(p.shape());
               softmax.run();
               blend(d, y, softmax.written());
             }});
    });
  });
}

cudnnStatus_t cudnnSoftmaxBackward(cudnnHandle_t handle, cudnnSoftmaxAlgorithm_t,
                                   cudnnSoftmaxMode_t mode, const void* alpha,
                                   cudnnTensorDescriptor_t y_descriptor, const void* y,
                                   cudnnTensorDescriptor_t dy_descriptor, const void* dy,
                                   const void* beta, cudnnTensorDescriptor_t dx_descriptor,
                                   void* dx) {
  return dnn_call("cudnnSoftmaxBackward", [&] {
    require_handle(handle);
    require(mode == CUDNN_SOFTMAX_MODE_CHANNEL, "not along channels");
    const Planes p({y_descriptor, dy_descriptor, dx_descriptor});
    with_type(p.type, [&](auto zero) {
      using T = decltype(zero);
      issue(handle->stream,
            {"softmax backward", [=, d = handle->device, blend = Blend<T>(alpha, beta)] {
               CpuOperator<T> softmax("softmax_backward", d);
               softmax.desc.attribute("axis", 1);
               softmax.reads(p.shape(), y);
               softmax.reads(p.shape(), dy);
               softmax.writes(p.shape());
               softmax.run();
               blend(d, dx, softmax.written());
             }});
    });
  });
}

cudnnStatus_t cudnnBatchNormalizationForwardInference(
    cudnnHandle_t handle, cudnnBatchNormMode_t mode, const void* alpha, const void* beta,
    cudnnTensorDescriptor_t x_descriptor, const void* x, cudnnTensorDescriptor_t y_descriptor,
    void* y, cudnnTensorDescriptor_t row_descriptor, const void* scale, const void* shift,
    const void* mean, const void* variance, double epsilon) {
  return dnn_call("cudnnBatchNormalizationForwardInference", [&] {
    require_handle(handle);
    require(mode == CUDNN_BATCHNORM_SPATIAL, "not by channel");
    const Planes p({x_descriptor, y_descriptor});
    require_row(tensor(row_descriptor), p);
    with_type(p.type, [&](auto zero) {
      using T = decltype(zero);
      issue(handle->stream,
            {"batch normalisation", [=, d = handle->device, blend = Blend<T>(alpha, beta)] {
               const T* from = real_elements<T>(d, x, p.count());
               T* to = real_elements<T>(d, y, p.count());
               const T* scales = real_elements<T>(d, scale, p.c);
               const T* shifts = real_elements<T>(d, shift, p.c);
               const T* means = real_elements<T>(d, mean, p.c);
               const T* variances = real_elements<T>(d, variance, p.c);
               for (int64_t c = 0; c < p.c; ++c) {
                 const double factor = scales[c] / std::sqrt(variances[c] + epsilon);
                 p.for_channel(c, [&](int64_t at) {
                   blend(to[at], (static_cast<double>(from[at]) - means[c]) * factor + shifts[c]);
                 });
               }
             }});
    });
  });
}

cudnnStatus_t cudnnBatchNormalizationBackward(
    cudnnHandle_t handle, cudnnBatchNormMode_t mode, const void* alpha, const void* beta,
    const void* alpha_row, const void* beta_row, cudnnTensorDescriptor_t x_descriptor,
    const void* x, cudnnTensorDescriptor_t dy_descriptor, const void* dy,
    cudnnTensorDescriptor_t dx_descriptor, void* dx, cudnnTensorDescriptor_t row_descriptor,
    const void* scale, void* dscale, void* dshift, double epsilon, const void* mean,
    const void* deviation) {
  return dnn_call("cudnnBatchNormalizationBackward", [&] {
    require_handle(handle);
    require(mode == CUDNN_BATCHNORM_SPATIAL && mean == nullptr && deviation == nullptr,
            "the double finds mean and variance by itself");
    const Planes p({x_descriptor, dy_descriptor, dx_descriptor});
    require_row(tensor(row_descriptor), p);
    with_type(p.type, [&](auto zero) {
      using T = decltype(zero);
      issue(handle->stream,
            {"batch normalisation backward", [=, d = handle->device, blend = Blend<T>(alpha, beta),
                                              row = Blend<T>(alpha_row, beta_row)] {
               const T* in = real_elements<T>(d, x, p.count());
               const T* from = real_elements<T>(d, dy, p.count());
               T* to = real_elements<T>(d, dx, p.count());
               const T* scales = real_elements<T>(d, scale, p.c);
               const auto m = static_cast<double>(p.n * p.s);
               for (int64_t c = 0; c < p.c; ++c) {
                 double sum = 0, squares = 0, gradients = 0, products = 0;
                 p.for_channel(c, [&](int64_t at) { sum += in[at]; });
                 p.for_channel(c, [&](int64_t at) { squares += std::pow(in[at] - sum / m, 2); });
                 const double inverse = 1 / std::sqrt(squares / m + epsilon);
                 const auto hat = [&](int64_t at) { return (in[at] - sum / m) * inverse; };
                 p.for_channel(c, [&](int64_t at) {
                   gradients += from[at];
                   products += from[at] * hat(at);
                 });
                 p.for_channel(c, [&](int64_t at) {
                   blend(to[at],
                         scales[c] * inverse * (from[at] - gradients / m - hat(at) * products / m));
                 });
                 row(real_elements<T>(d, dscale, p.c)[c], products);
                 row(real_elements<T>(d, dshift, p.c)[c], gradients);
               }
             }});
    });
  });
}
