// Convolution: slides K filters over images of C channels, along up to three spatial axes.
//
//   y[n,k,o] = b[k] + sum over c, i of  w[k,c,i] x[n, c, o * stride - pad + i * dilation]
//
// o and i count along every spatial axis; x is 0 outside the image.
// Letters: N images, C channels, K outputs (num_output), G groups (group), S spatial positions of
// the input, O of the output, I elements of the kernel. Shapes: x [N,C,S...], w [K,C/G,I...], b
// [K], y [N,K,O...]; along a spatial axis
//   O = floor((S + 2 pad - (dilation (I - 1) + 1)) / stride) + 1.
// Axes before `axis`, the one of the channels, all count as N. With groups, the g-th of G equal
// parts of the outputs sees the g-th part of the channels only. Several bottoms of one shape give a
// top each, with the same w, b.
//
// As matrices, for one image: columns = im2col(x) [C*I, O]; y = w columns + b.
// Gradients:  dx = col2im(w^T dy),  dw = sum over n of dy columns^T,  db[k] = sum over n, o of
// dy[n,k,o].
//
// How it runs: convolution_passes.hpp.
//
// Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998;
// Chellapilla et al., "High performance convolutional neural networks for document processing",
// 2006 (im2col). Behaves as Caffe's Convolution.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <string>

#include "convolution.proto.inc"
#include "convolution_layer.hpp"

namespace dlrun {
namespace {

class Convolution final : public ConvolutionLayer {
 public:
  using ConvolutionLayer::ConvolutionLayer;

  void forward(RunContext& context) override {
    for (int i = 0; i < context.n_bottoms(); ++i) {
      passes().forward(context, context.bottom(i), context.param(kWeights), bias(context),
                       context.top(i));
    }
  }

  // The gradients of w and b from bottom 0 are written, those from the others added.
  void backward(RunContext& context) override {
    for (int i = 0; i < context.n_bottoms(); ++i) {
      const Tensor dy = context.top_gradient(i);
      passes().backward_weights(context, context.bottom(i), dy, context.param_gradient(kWeights),
                                bias_output(context), i > 0);
      if (const Tensor dx = context.bottom_gradient(i)) {
        passes().backward_data(context, dy, context.param(kWeights), dx);
      }
    }
  }

 protected:
  Shape filter_maps() const override {
    return {options().outputs(), channels() / options().group()};
  }

  Spatial place(SpatialWindow& window, const Shape& x) const override {
    for (size_t axis = 0; axis < kMaxSpatialAxes; ++axis) {
      const int64_t padded = window.in[axis] + 2 * window.pad[axis];
      if (window.extent(axis) > padded) {
        options().fail_kernel("the kernel covers " + std::to_string(window.extent(axis)) +
                              " elements of an axis that has " + std::to_string(padded) +
                              " with its padding; the bottom has shape " + x.text());
      }
      window.out[axis] = (padded - window.extent(axis)) / window.stride[axis] + 1;
    }
    return window.out;
  }

  void describe(ReshapeContext& context, const SpatialWindow& window, int64_t batch) override {
    const bool is_single = context.n_bottoms() == 1;
    passes().reshape({window, batch, channels(), options().outputs(), options().group()});
    passes().describe_forward(context, options().has_bias(), is_single ? "forward" : "");
    if (!context.may_run_backward()) return;
    passes().describe_backward_data(context);
    passes().describe_backward_weights(context, options().has_bias(), !is_single);
  }
};

const dlr_layer_type kConvolution = layer_type<Convolution>(
    {1, DLR_UNBOUNDED, 1, DLR_UNBOUNDED}, kConvolutionKernels, kConvolutionKernelCount);

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.convolution", "1.0.0", convolution_proto,
           DLR_PROVIDE("dlrun.layer/1", "Convolution", "learned filters over 1 to 3 spatial axes",
                       dlrun::kConvolution));
