// cuDNN's convolutions, with shapes, algorithms and workspaces checked; the numbers are the cpu
// device's. Of the algorithms that the heuristics name, only one is right to run: the fastest isn't
// deterministic, the next wants more workspace than any device has, the third shortens its
// operands.
#include <algorithm>

#include "dnn.hpp"

using namespace cuda_double;

namespace {

constexpr size_t kWorkspaceBytes = 512;
constexpr size_t kHugeBytes = size_t{1} << 50;
constexpr int kRightAlgorithm = 1;

struct Geometry {
  Geometry(cudnnTensorDescriptor_t x_descriptor, cudnnFilterDescriptor_t w_descriptor,
           cudnnConvolutionDescriptor_t convolution, cudnnTensorDescriptor_t y_descriptor) {
    const cudnnTensorStruct& in = tensor(x_descriptor);
    const cudnnFilterStruct& window = filter(w_descriptor);
    const cudnnTensorStruct& out = tensor(y_descriptor);
    require_object(convolution, kDescriptor);
    require(!convolution->pad.empty() && convolution->math == CUDNN_FMA_MATH,
            "a convolution that wasn't set, or not to exact products");
    type = in.type;
    require(type == window.type && type == out.type && type == convolution->type, "mixed types");
    require(out.extents == output_extents(in.extents, window.extents, *convolution),
            "the output has another size");
    x = shape_of(in.extents), w = shape_of(window.extents), y = shape_of(out.extents);
    descriptor = *convolution;
  }

  static std::vector<int> output_extents(const std::vector<int>& x, const std::vector<int>& w,
                                         const cudnnConvolutionStruct& convolution) {
    require(x.size() == w.size() && x.size() == convolution.pad.size() + 2,
            "mixed numbers of axes");
    require(x[1] == w[1] * convolution.groups && w[0] % convolution.groups == 0,
            "channels don't fit");
    std::vector<int> y{x[0], w[0]};
    for (size_t i = 2; i < x.size(); ++i) {
      const int reach = convolution.dilation[i - 2] * (w[i] - 1) + 1;
      y.push_back((x[i] + 2 * convolution.pad[i - 2] - reach) / convolution.stride[i - 2] + 1);
    }
    return y;
  }

  template <class T>
  CpuOperator<T> cpu_operator(const char* op, int device) const {
    std::vector<int64_t> kernel;
    for (int axis = 2; axis < w.rank(); ++axis)
      kernel.push_back(w[axis]);
    CpuOperator<T> convolution(op, device);
    convolution.desc.attribute("kernel", kernel);
    convolution.desc.attribute("stride", wide(descriptor.stride));
    convolution.desc.attribute("pad", wide(descriptor.pad));
    convolution.desc.attribute("dilation", wide(descriptor.dilation));
    convolution.desc.attribute("group", descriptor.groups);
    return convolution;
  }

  cudnnDataType_t type;
  dlrun::Shape x, w, y;
  cudnnConvolutionStruct descriptor;
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

// `bias` may be null.
template <class T>
std::vector<T> convolve(const Geometry& g, int device, const void* x, const void* w,
                        const void* bias) {
  CpuOperator<T> forward = g.cpu_operator<T>("convolution_forward", device);
  forward.reads(g.x, x);
  forward.reads(g.w, w);
  if (bias != nullptr)
    forward.reads({g.y[1]}, bias);
  else
    forward.absent();
  forward.writes(g.y);
  forward.run();
  return forward.written();
}

}  // namespace

cudnnStatus_t cudnnGetConvolutionNdForwardOutputDim(cudnnConvolutionDescriptor_t convolution,
                                                    cudnnTensorDescriptor_t x,
                                                    cudnnFilterDescriptor_t w, int count,
                                                    int* extents) {
  return dnn_call("cudnnGetConvolutionNdForwardOutputDim", [&] {
    require_object(convolution, kDescriptor);
    const std::vector<int> y =
        Geometry::output_extents(tensor(x).extents, filter(w).extents, *convolution);
    require(y.size() == static_cast<size_t>(count), "mixed numbers of axes");
    std::copy(y.begin(), y.end(), extents);
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
               blend(d, y, convolve<T>(g, d, x, w, nullptr));
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
      require(blend.alpha == 1 && blend.beta == 0, "the double scales nothing and adds no z");
      issue(handle->stream, {"convolution, bias and ReLU", [=, d = handle->device] {
                               std::vector<T> sums = convolve<T>(g, d, x, w, bias);
                               for (T& sum : sums)
                                 sum = sum < 0 ? T(0) : sum;
                               blend(d, y, sums);
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
             CpuOperator<T> backward = g.cpu_operator<T>("convolution_backward_data", d);
             backward.reads(g.y, dy);
             backward.reads(g.w, w);
             backward.writes(g.x);
             backward.run();
             blend(d, dx, backward.written());
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
      issue(handle->stream, {"convolution backward by weights",
                             [=, d = handle->device, blend = Blend<T>(alpha, beta)] {
                               CpuOperator<T> backward =
                                   g.cpu_operator<T>("convolution_backward_weights", d);
                               backward.reads(g.x, x);
                               backward.reads(g.y, dy);
                               backward.writes(g.w);
                               backward.absent();
                               backward.run();
                               blend(d, dw, backward.written());
                             }});
    });
  });
}
