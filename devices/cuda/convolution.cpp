// Descriptors of convolutions.
#include "convolution.hpp"

namespace dlrun::cuda {

namespace {

ConvolutionDescriptor convolution_descriptor(const OpView& op, uint32_t dtype) {
  const Cudnn& dnn = cudnn();
  ConvolutionDescriptor descriptor(dnn.cudnnCreateConvolutionDescriptor,
                                   dnn.cudnnDestroyConvolutionDescriptor);
  const std::vector<int> pad = per_axis(op.integers("pad"), 0);
  const std::vector<int> stride = per_axis(op.integers("stride"), 1);
  const std::vector<int> dilation = per_axis(op.integers("dilation"), 1);
  check_cudnn(dnn.cudnnSetConvolutionNdDescriptor(descriptor.get(), static_cast<int>(pad.size()),
                                                  pad.data(), stride.data(), dilation.data(),
                                                  CUDNN_CROSS_CORRELATION, data_type(dtype)),
              "cudnnSetConvolutionNdDescriptor");
  check_cudnn(
      dnn.cudnnSetConvolutionGroupCount(descriptor.get(), static_cast<int>(op.integer("group", 1))),
      "cudnnSetConvolutionGroupCount");
  // Products of float32 in float32, not in the shorter TF32.
  check_cudnn(dnn.cudnnSetConvolutionMathType(descriptor.get(), CUDNN_FMA_MATH),
              "cudnnSetConvolutionMathType");
  return descriptor;
}

std::vector<int> bias_extents(const std::vector<int>& maps) {
  std::vector<int> extents(maps.size(), 1);
  extents[1] = maps[1];
  return extents;
}

}  // namespace

ConvolutionTensors::ConvolutionTensors(const OpView& op, const Shape& x_shape, const Shape& w_shape,
                                       const Shape& y_shape)
    : dtype(op.arg(0).dtype),
      x(tensor_descriptor(dtype, extents(x_shape))),
      w(filter_descriptor(dtype, extents(w_shape))),
      y(tensor_descriptor(dtype, extents(y_shape))),
      bias(tensor_descriptor(dtype, bias_extents(extents(y_shape)))),
      x_bias(tensor_descriptor(dtype, bias_extents(extents(x_shape)))),
      convolution(convolution_descriptor(op, dtype)) {
  const std::vector<int> expected = extents(y_shape);
  std::vector<int> computed(expected.size());
  check_cudnn(
      cudnn().cudnnGetConvolutionNdForwardOutputDim(
          convolution.get(), x.get(), w.get(), static_cast<int>(computed.size()), computed.data()),
      "cudnnGetConvolutionNdForwardOutputDim");
  if (computed != expected) throw Declined("cuDNN gives the output another size");
}

double accept_accumulate(const OpView& op) {
  if (op.desc().accumulate == 0) return 0;
  op.desc().accumulate_accepted = 1;
  return 1;
}

}  // namespace dlrun::cuda
