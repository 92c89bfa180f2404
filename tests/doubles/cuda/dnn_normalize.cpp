// cuDNN's LRN, softmax and batch normalisation by their definitions, over tensors [N, C, S].
#include <algorithm>
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
  int64_t at(int64_t sample, int64_t channel, int64_t position) const {
    return (sample * c + channel) * s + position;
  }
  // Calls body(n, s) for each line of channels.
  template <class Body>
  void for_lines(Body body) const {
    for (int64_t i = 0; i < n * s; ++i)
      body(i / s, i % s);
  }
  // Calls body(index) for all elements of a channel.
  template <class Body>
  void for_channel(int64_t channel, Body body) const {
    for (int64_t i = 0; i < n * s; ++i)
      body(at(i / s, channel, i % s));
  }

  cudnnDataType_t type;
  int64_t n, c, s;
};

struct Lrn {
  explicit Lrn(cudnnLRNDescriptor_t descriptor) {
    require_object(descriptor, kDescriptor);
    require(descriptor->size > 0, "an LRN descriptor that wasn't set");
    numbers = *descriptor;
  }
  // Calls body(channel) for the window around one.
  template <class Body>
  void for_window(int64_t channel, int64_t channels, Body body) const {
    const int64_t begin = std::max<int64_t>(channel - (numbers.size - 1) / 2, 0);
    for (int64_t i = begin; i <= std::min(channel + numbers.size / 2, channels - 1); ++i)
      body(i);
  }
  template <class T>
  double scale(const Planes& p, const T* x, int64_t n, int64_t c, int64_t s) const {
    double squares = 0;
    for_window(c, p.c, [&](int64_t i) {
      squares += static_cast<double>(x[p.at(n, i, s)]) * x[p.at(n, i, s)];
    });
    return numbers.k + numbers.alpha / numbers.size * squares;
  }
  cudnnLRNStruct numbers;
};

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
      issue(handle->stream,
            {"LRN forward",
             [=, d = handle->device, lrn = Lrn(descriptor), blend = Blend<T>(alpha, beta)] {
               const T* from = real_elements<T>(d, x, p.count());
               T* to = real_elements<T>(d, y, p.count());
               p.for_lines([&](int64_t n, int64_t s) {
                 for (int64_t c = 0; c < p.c; ++c) {
                   const double power = std::pow(lrn.scale(p, from, n, c, s), -lrn.numbers.beta);
                   blend(to[p.at(n, c, s)], from[p.at(n, c, s)] * power);
                 }
               });
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
      issue(handle->stream,
            {"LRN backward",
             [=, d = handle->device, lrn = Lrn(descriptor), blend = Blend<T>(alpha, beta)] {
               const T* in = real_elements<T>(d, x, p.count());
               const T* out = real_elements<T>(d, y, p.count());
               const T* from = real_elements<T>(d, dy, p.count());
               T* to = real_elements<T>(d, dx, p.count());
               const double factor = 2 * lrn.numbers.alpha * lrn.numbers.beta / lrn.numbers.size;
               p.for_lines([&](int64_t n, int64_t s) {
                 for (int64_t c = 0; c < p.c; ++c) {
                   double ratios = 0;
                   lrn.for_window(c, p.c, [&](int64_t i) {
                     ratios += static_cast<double>(from[p.at(n, i, s)]) * out[p.at(n, i, s)] /
                               lrn.scale(p, in, n, i, s);
                   });
                   const int64_t at = p.at(n, c, s);
                   const double power = std::pow(lrn.scale(p, in, n, c, s), -lrn.numbers.beta);
                   blend(to[at], from[at] * power - factor * in[at] * ratios);
                 }
               });
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
               const T* from = real_elements<T>(d, x, p.count());
               T* to = real_elements<T>(d, y, p.count());
               std::vector<double> powers(static_cast<size_t>(p.c));
               p.for_lines([&](int64_t n, int64_t s) {
                 double largest = from[p.at(n, 0, s)];
                 for (int64_t c = 1; c < p.c; ++c)
                   largest = std::max<double>(largest, from[p.at(n, c, s)]);
                 double sum = 0;
                 for (int64_t c = 0; c < p.c; ++c)
                   sum += powers[static_cast<size_t>(c)] = std::exp(from[p.at(n, c, s)] - largest);
                 for (int64_t c = 0; c < p.c; ++c)
                   blend(to[p.at(n, c, s)], powers[static_cast<size_t>(c)] / sum);
               });
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
               const T* out = real_elements<T>(d, y, p.count());
               const T* from = real_elements<T>(d, dy, p.count());
               T* to = real_elements<T>(d, dx, p.count());
               p.for_lines([&](int64_t n, int64_t s) {
                 double sum = 0;
                 for (int64_t c = 0; c < p.c; ++c)
                   sum += static_cast<double>(from[p.at(n, c, s)]) * out[p.at(n, c, s)];
                 for (int64_t c = 0; c < p.c; ++c) {
                   const int64_t at = p.at(n, c, s);
                   blend(to[at], out[at] * (from[at] - sum));
                 }
               });
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
