// cuDNN's convolutions: by the definition, with shapes, algorithms and workspaces checked. Of the
// algorithms that the heuristics name, only one is right to run: the fastest isn't deterministic,
// the next wants more workspace than any device has, the third shortens its operands.
#include <algorithm>
#include <cmath>

#include "dnn.hpp"

using namespace cuda_double;

namespace {

constexpr size_t kWorkspaceBytes = 512;
constexpr size_t kHugeBytes = size_t{1} << 50;
constexpr int kRightAlgorithm = 1;

struct Geometry {
  Geometry(cudnnTensorDescriptor_t x_descriptor, cudnnFilterDescriptor_t w_descriptor,
           cudnnConvolutionDescriptor_t convolution, cudnnTensorDescriptor_t y_descriptor) {
    const cudnnTensorStruct& x = tensor(x_descriptor);
    const cudnnFilterStruct& w = filter(w_descriptor);
    const cudnnTensorStruct& y = tensor(y_descriptor);
    require_object(convolution, kDescriptor);
    require(!convolution->pad.empty() && convolution->math == CUDNN_FMA_MATH,
            "a convolution that wasn't set, or not to exact products");
    require(x.type == w.type && x.type == y.type && x.type == convolution->type, "mixed types");
    require(x.extents.size() == w.extents.size() && x.extents.size() == y.extents.size() &&
                x.extents.size() == convolution->pad.size() + 2,
            "mixed numbers of axes");
    groups = convolution->groups;
    batch = x.extents[0], channels = x.extents[1], outputs = w.extents[0];
    require(channels == w.extents[1] * groups && outputs % groups == 0, "channels don't fit");
    require(y.extents[0] == batch && y.extents[1] == outputs, "outputs don't fit");
    type = x.type;
    in = spatial(x.extents, 2, 1), window = spatial(w.extents, 2, 1);
    out = spatial(y.extents, 2, 1);
    pad = spatial(convolution->pad, 0, 0), stride = spatial(convolution->stride, 0, 1);
    dilation = spatial(convolution->dilation, 0, 1);
    for (int i = 0; i < 3; ++i) {
      const int64_t reach = dilation.at[i] * (window.at[i] - 1) + 1;
      require(out.at[i] == (in.at[i] + 2 * pad.at[i] - reach) / stride.at[i] + 1,
              "the output has another size");
    }
    x_count = count_of(x.extents), w_count = count_of(w.extents), y_count = count_of(y.extents);
  }

  // Calls body(x index, w index, y index, count) for all products of the convolution, by runs of
  // them along the last axis: the weight stays, y goes on by one and x by the last stride.
  template <class Body>
  void for_each_run(Body body) const {
    const int64_t in_plane = in.at[0] * in.at[1] * in.at[2];
    const int64_t out_plane = out.at[0] * out.at[1] * out.at[2];
    const int64_t window_size = window.at[0] * window.at[1] * window.at[2];
    const int64_t group_channels = channels / groups;
    for (int64_t n = 0; n < batch; ++n) {
      for (int64_t k = 0; k < outputs; ++k) {
        for (int64_t c = 0; c < group_channels; ++c) {
          const int64_t from = k / (outputs / groups) * group_channels + c;
          for_plane((n * channels + from) * in_plane, (k * group_channels + c) * window_size,
                    (n * outputs + k) * out_plane, body);
        }
      }
    }
  }

  int64_t groups, batch, channels, outputs, x_count, w_count, y_count;
  cudnnDataType_t type;
  Axes in, window, out, pad, stride, dilation;

 private:
  int64_t place(int axis, int64_t o, int64_t w) const {
    return o * stride.at[axis] - pad.at[axis] + w * dilation.at[axis];
  }
  bool inside(int axis, int64_t at) const { return at >= 0 && at < in.at[axis]; }

  template <class Body>
  void for_plane(int64_t x_begin, int64_t w_begin, int64_t y_begin, Body& body) const {
    for (int64_t w = 0; w < window.at[0] * window.at[1] * window.at[2]; ++w) {
      const int64_t w2 = w % window.at[2];
      const int64_t w1 = w / window.at[2] % window.at[1];
      const int64_t w0 = w / window.at[2] / window.at[1];
      for (int64_t row = 0; row < out.at[0] * out.at[1]; ++row) {
        const int64_t i0 = place(0, row / out.at[1], w0);
        const int64_t i1 = place(1, row % out.at[1], w1);
        if (!inside(0, i0) || !inside(1, i1)) continue;
        const int64_t x_row = x_begin + (i0 * in.at[1] + i1) * in.at[2];
        const int64_t y_row = y_begin + row * out.at[2];
        int64_t begin = 0;
        int64_t end = out.at[2];
        while (begin < end && !inside(2, place(2, begin, w2)))
          ++begin;
        while (end > begin && !inside(2, place(2, end - 1, w2)))
          --end;
        if (begin < end) body(x_row + place(2, begin, w2), w_begin + w, y_row + begin, end - begin);
      }
    }
  }
};

template <class Perf>
void name_algorithms(int wanted, int* count, Perf* found) {
  require(wanted >= 4, "room for too few algorithms");
  const auto perf = [](int algorithm, size_t bytes, cudnnDeterminism_t determinism,
                       cudnnMathType_t math) {
    return Perf{static_cast<decltype(Perf::algo)>(algorithm),
                CUDNN_STATUS_SUCCESS,
                -1,
                bytes,
                determinism,
                math,
                {}};
  };
  found[0] = perf(0, 0, CUDNN_NON_DETERMINISTIC, CUDNN_FMA_MATH);
  found[1] = perf(2, kHugeBytes, CUDNN_DETERMINISTIC, CUDNN_FMA_MATH);
  found[2] = perf(3, 0, CUDNN_DETERMINISTIC, CUDNN_TENSOR_OP_MATH);
  found[3] = perf(kRightAlgorithm, kWorkspaceBytes, CUDNN_DETERMINISTIC, CUDNN_DEFAULT_MATH);
  *count = 4;
}

void tell_workspace(int algorithm, size_t* bytes) {
  *bytes = algorithm == kRightAlgorithm ? kWorkspaceBytes : algorithm == 2 ? kHugeBytes : 0;
}

// The workspace is scribbled over: nothing may rely on it.
void use_workspace(cudnnHandle_t handle, int algorithm, void* workspace, size_t bytes) {
  require(algorithm == kRightAlgorithm, "an algorithm that repeats badly, or doesn't fit");
  require(bytes >= kWorkspaceBytes, "too small a workspace");
  const int device = handle->device;
  issue(handle->stream,
        {"a workspace",
         [=] { std::fill_n(real_elements<char>(device, workspace, bytes), bytes, '\xFF'); }});
}

// Adds up products for each element of one operand, then blends the sums into it.
template <class T, class Add>
void sum_products(T* to, int64_t count, const Blend<T>& blend, Add&& add) {
  std::vector<double> sums(static_cast<size_t>(count));
  add(sums.data());
  for (int64_t i = 0; i < count; ++i)
    blend(to[i], sums[static_cast<size_t>(i)]);
}

// y [N,K,s...] += bias [K]; f(y).
template <class T, class Finish>
void add_bias(T* y, const T* bias, const std::vector<int>& extents, Finish&& finish) {
  const int64_t plane = count_of(extents) / extents[0] / extents[1];
  for (int64_t i = 0; i < count_of(extents); ++i)
    y[i] = finish(y[i] + bias[i / plane % extents[1]]);
}

void require_bias(const cudnnTensorStruct& bias, const cudnnTensorStruct& y) {
  require(bias.type == y.type && bias.extents.size() == y.extents.size() &&
              bias.extents[1] == y.extents[1] && count_of(bias.extents) == bias.extents[1],
          "a bias that doesn't fit");
}

template <class T>
void convolve(const Geometry& g, const T* x, const T* w, T* y, const Blend<T>& blend) {
  sum_products(y, g.y_count, blend, [&](double* sums) {
    g.for_each_run([&](int64_t xi, int64_t wi, int64_t yi, int64_t n) {
#pragma omp simd
      for (int64_t i = 0; i < n; ++i)
        sums[yi + i] += static_cast<double>(x[xi + i * g.stride.at[2]]) * w[wi];
    });
  });
}

}  // namespace

cudnnStatus_t cudnnGetConvolutionNdForwardOutputDim(cudnnConvolutionDescriptor_t convolution,
                                                    cudnnTensorDescriptor_t x,
                                                    cudnnFilterDescriptor_t w, int count,
                                                    int* extents) {
  return dnn_call("cudnnGetConvolutionNdForwardOutputDim", [&] {
    require_object(convolution, kDescriptor);
    const std::vector<int>& in = tensor(x).extents;
    const std::vector<int>& window = filter(w).extents;
    require(in.size() == window.size() && in.size() == static_cast<size_t>(count) &&
                in.size() == convolution->pad.size() + 2,
            "mixed numbers of axes");
    require(in[1] == window[1] * convolution->groups, "channels don't fit");
    extents[0] = in[0], extents[1] = window[0];
    for (size_t i = 2; i < in.size(); ++i) {
      const int reach = convolution->dilation[i - 2] * (window[i] - 1) + 1;
      extents[i] = (in[i] + 2 * convolution->pad[i - 2] - reach) / convolution->stride[i - 2] + 1;
    }
  });
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(
    cudnnHandle_t handle, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
    cudnnConvolutionDescriptor_t convolution, cudnnTensorDescriptor_t y, int wanted, int* count,
    cudnnConvolutionFwdAlgoPerf_t* found) {
  return dnn_call("cudnnGetConvolutionForwardAlgorithm_v7", [&] {
    require_handle(handle);
    Geometry(x, w, convolution, y);
    name_algorithms(wanted, count, found);
  });
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(
    cudnnHandle_t handle, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t y,
    cudnnConvolutionDescriptor_t convolution, cudnnTensorDescriptor_t x, int wanted, int* count,
    cudnnConvolutionBwdDataAlgoPerf_t* found) {
  return dnn_call("cudnnGetConvolutionBackwardDataAlgorithm_v7", [&] {
    require_handle(handle);
    Geometry(x, w, convolution, y);
    name_algorithms(wanted, count, found);
  });
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(
    cudnnHandle_t handle, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t y,
    cudnnConvolutionDescriptor_t convolution, cudnnFilterDescriptor_t w, int wanted, int* count,
    cudnnConvolutionBwdFilterAlgoPerf_t* found) {
  return dnn_call("cudnnGetConvolutionBackwardFilterAlgorithm_v7", [&] {
    require_handle(handle);
    Geometry(x, w, convolution, y);
    name_algorithms(wanted, count, found);
  });
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                      cudnnFilterDescriptor_t w,
                                                      cudnnConvolutionDescriptor_t convolution,
                                                      cudnnTensorDescriptor_t y,
                                                      cudnnConvolutionFwdAlgo_t algorithm,
                                                      size_t* bytes) {
  return dnn_call("cudnnGetConvolutionForwardWorkspaceSize", [&] {
    Geometry(x, w, convolution, y);
    tell_workspace(algorithm, bytes);
  });
}
cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t, cudnnFilterDescriptor_t w,
                                                           cudnnTensorDescriptor_t y,
                                                           cudnnConvolutionDescriptor_t convolution,
                                                           cudnnTensorDescriptor_t x,
                                                           cudnnConvolutionBwdDataAlgo_t algorithm,
                                                           size_t* bytes) {
  return dnn_call("cudnnGetConvolutionBackwardDataWorkspaceSize", [&] {
    Geometry(x, w, convolution, y);
    tell_workspace(algorithm, bytes);
  });
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(
    cudnnHandle_t, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t y,
    cudnnConvolutionDescriptor_t convolution, cudnnFilterDescriptor_t w,
    cudnnConvolutionBwdFilterAlgo_t algorithm, size_t* bytes) {
  return dnn_call("cudnnGetConvolutionBackwardFilterWorkspaceSize", [&] {
    Geometry(x, w, convolution, y);
    tell_workspace(algorithm, bytes);
  });
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha,
                                      cudnnTensorDescriptor_t x_descriptor, const void* x,
                                      cudnnFilterDescriptor_t w_descriptor, const void* w,
                                      cudnnConvolutionDescriptor_t convolution,
                                      cudnnConvolutionFwdAlgo_t algorithm, void* workspace,
                                      size_t bytes, const void* beta,
                                      cudnnTensorDescriptor_t y_descriptor, void* y) {
  return dnn_call("cudnnConvolutionForward", [&] {
    require_handle(handle);
    const Geometry g(x_descriptor, w_descriptor, convolution, y_descriptor);
    use_workspace(handle, algorithm, workspace, bytes);
    with_type(g.type, [&](auto zero) {
      using T = decltype(zero);
      issue(handle->stream,
            {"convolution forward", [=, d = handle->device, blend = Blend<T>(alpha, beta)] {
               convolve(g, real_elements<T>(d, x, g.x_count), real_elements<T>(d, w, g.w_count),
                        real_elements<T>(d, y, g.y_count), blend);
             }});
    });
  });
}

cudnnStatus_t cudnnConvolutionBiasActivationForward(
    cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t x_descriptor, const void* x,
    cudnnFilterDescriptor_t w_descriptor, const void* w, cudnnConvolutionDescriptor_t convolution,
    cudnnConvolutionFwdAlgo_t algorithm, void* workspace, size_t bytes, const void* alpha2,
    cudnnTensorDescriptor_t z_descriptor, const void* z, cudnnTensorDescriptor_t bias_descriptor,
    const void* bias, cudnnActivationDescriptor_t activation, cudnnTensorDescriptor_t y_descriptor,
    void* y) {
  return dnn_call("cudnnConvolutionBiasActivationForward", [&] {
    require_handle(handle);
    const Geometry g(x_descriptor, w_descriptor, convolution, y_descriptor);
    require_object(activation, kDescriptor);
    require(activation->is_relu, "only a ReLU can be fused");
    require_bias(tensor(bias_descriptor), tensor(y_descriptor));
    require(z == y && tensor(z_descriptor).extents == tensor(y_descriptor).extents,
            "z must be y when it isn't used");
    use_workspace(handle, algorithm, workspace, bytes);
    with_type(g.type, [&](auto zero) {
      using T = decltype(zero);
      const Blend<T> blend(alpha, alpha2);
      require(blend.beta == 0, "the double adds no z");
      const std::vector<int> extents = tensor(y_descriptor).extents;
      issue(handle->stream, {"convolution, bias and ReLU", [=, d = handle->device] {
                               T* out = real_elements<T>(d, y, g.y_count);
                               convolve(g, real_elements<T>(d, x, g.x_count),
                                        real_elements<T>(d, w, g.w_count), out, blend);
                               add_bias(out, real_elements<T>(d, bias, extents[1]), extents,
                                        [](T value) { return value < 0 ? T(0) : value; });
                             }});
    });
  });
}

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
      issue(handle->stream, {"adding a bias", [=, d = handle->device, extents = to.extents] {
                               add_bias(real_elements<T>(d, c, count_of(extents)),
                                        real_elements<T>(d, a, extents[1]), extents,
                                        [](T value) { return value; });
                             }});
    });
  });
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha,
                                           cudnnFilterDescriptor_t w_descriptor, const void* w,
                                           cudnnTensorDescriptor_t dy_descriptor, const void* dy,
                                           cudnnConvolutionDescriptor_t convolution,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void* workspace,
                                           size_t bytes, const void* beta,
                                           cudnnTensorDescriptor_t dx_descriptor, void* dx) {
  return dnn_call("cudnnConvolutionBackwardData", [&] {
    require_handle(handle);
    const Geometry g(dx_descriptor, w_descriptor, convolution, dy_descriptor);
    use_workspace(handle, algorithm, workspace, bytes);
    with_type(g.type, [&](auto zero) {
      using T = decltype(zero);
      issue(
          handle->stream,
          {"convolution backward by data", [=, d = handle->device, blend = Blend<T>(alpha, beta)] {
             const T* from = real_elements<T>(d, dy, g.y_count);
             const T* weights = real_elements<T>(d, w, g.w_count);
             sum_products(real_elements<T>(d, dx, g.x_count), g.x_count, blend, [&](double* sums) {
               g.for_each_run([&](int64_t xi, int64_t wi, int64_t yi, int64_t n) {
#pragma omp simd
                 for (int64_t i = 0; i < n; ++i)
                   sums[xi + i * g.stride.at[2]] += static_cast<double>(from[yi + i]) * weights[wi];
               });
             });
           }});
    });
  });
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha,
                                             cudnnTensorDescriptor_t x_descriptor, const void* x,
                                             cudnnTensorDescriptor_t dy_descriptor, const void* dy,
                                             cudnnConvolutionDescriptor_t convolution,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm,
                                             void* workspace, size_t bytes, const void* beta,
                                             cudnnFilterDescriptor_t dw_descriptor, void* dw) {
  return dnn_call("cudnnConvolutionBackwardFilter", [&] {
    require_handle(handle);
    const Geometry g(x_descriptor, dw_descriptor, convolution, dy_descriptor);
    use_workspace(handle, algorithm, workspace, bytes);
    with_type(g.type, [&](auto zero) {
      using T = decltype(zero);
      issue(handle->stream,
            {"convolution backward by weights",
             [=, d = handle->device, blend = Blend<T>(alpha, beta)] {
               const T* in = real_elements<T>(d, x, g.x_count);
               const T* from = real_elements<T>(d, dy, g.y_count);
               sum_products(
                   real_elements<T>(d, dw, g.w_count), g.w_count, blend, [&](double* sums) {
                     g.for_each_run([&](int64_t xi, int64_t wi, int64_t yi, int64_t n) {
                       double sum = 0;
#pragma omp simd reduction(+ : sum)
                       for (int64_t i = 0; i < n; ++i)
                         sum += static_cast<double>(in[xi + i * g.stride.at[2]]) * from[yi + i];
                       sums[wi] += sum;
                     });
                   });
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
      issue(handle->stream, {"bias gradient", [=, d = handle->device, extents = from.extents,
                                               blend = Blend<T>(alpha, beta)] {
                               const int64_t count = count_of(extents);
                               const int64_t plane = count / extents[0] / extents[1];
                               const T* gradient = real_elements<T>(d, dy, count);
                               sum_products(real_elements<T>(d, db, extents[1]), extents[1], blend,
                                            [&](double* sums) {
                                              for (int64_t i = 0; i < count; ++i)
                                                sums[i / plane % extents[1]] += gradient[i];
                                            });
                             }});
    });
  });
}
