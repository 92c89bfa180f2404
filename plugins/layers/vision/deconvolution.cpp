// Deconvolution, the transposed convolution: every input adds its multiple of a filter to the
// output. Its forward is the gradient of a Convolution by data, and the other way round.
//
//   y[n,k,s] = b[k] + sum over c, o, i with s = o * stride - pad + i * dilation of  w[c,k,i]
//   x[n,c,o]
//
// o, i and s count along every spatial axis.
// Letters: N images, C channels, K outputs (num_output), G groups (group), O spatial positions of
// the input, S of the output, I elements of the kernel. Shapes: x [N,C,O...], w [C,K/G,I...], b
// [K], y [N,K,S...]; along a spatial axis
//   S = stride (O - 1) + dilation (I - 1) + 1 - 2 pad.
// Axes before `axis`, the one of the channels, all count as N. With groups, the g-th of G equal
// parts of the outputs sees the g-th part of the channels only. Several bottoms of one shape give a
// top each, with the same w, b.
//
// Gradients:  dx = the convolution of dy with w,  dw = that convolution's gradient by weights, with
// x as its gradient and dy as its input,  db[k] = sum over n, s of dy[n,k,s].
//
// How it runs: convolution_passes.hpp, where x is on the output side and y on the input side.
//
// Source: Zeiler et al., "Deconvolutional networks", 2010; Long et al., "Fully convolutional
// networks for semantic segmentation", 2015. Behaves as Caffe's Deconvolution.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <string>

#include "convolution.proto.inc"
#include "convolution_layer.hpp"

namespace dlrun {
namespace {

class Deconvolution final : public ConvolutionLayer {
 public:
  using ConvolutionLayer::ConvolutionLayer;

  void forward(RunContext& context) override {
    for (int i = 0; i < context.n_bottoms(); ++i) {
      passes().transposed_forward(context, context.bottom(i), context.param(kWeights),
                                  bias(context), context.top(i));
    }
  }

  // The gradients of w and b from bottom 0 are written, those from the others added.
  void backward(RunContext& context) override {
    for (int i = 0; i < context.n_bottoms(); ++i) {
      const Tensor dy = context.top_gradient(i);
      passes().backward_weights(context, dy, context.bottom(i), context.param_gradient(kWeights),
                                Tensor(nullptr), i > 0);
      if (const Tensor db = bias_output(context)) {
        bias_gradient(context, passes().inputs(), dy, db, i > 0);
      }
      if (const Tensor dx = context.bottom_gradient(i)) {
        passes().forward(context, dy, context.param(kWeights), Tensor(nullptr), dx);
      }
    }
  }

 protected:
  Shape filter_maps() const override {
    return {channels(), options().outputs() / options().group()};
  }

  Spatial place(SpatialWindow& window, const Shape& x) const override {
    window.out = window.in;
    for (size_t axis = 0; axis < kMaxSpatialAxes; ++axis) {
      const int64_t padded = window.stride[axis] * (window.out[axis] - 1) + window.extent(axis);
      window.in[axis] = padded - 2 * window.pad[axis];
      if (window.in[axis] < 1) {
        options().fail_kernel("the output covers " + std::to_string(padded) +
                              " elements along an axis, and pad cuts off " +
                              std::to_string(2 * window.pad[axis]) +
                              " of them; the bottom has shape " + x.text());
      }
    }
    return window.in;
  }

  void describe(ReshapeContext& context, const SpatialWindow& window, int64_t batch) override {
    const bool is_single = context.n_bottoms() == 1;
    passes().reshape({window, batch, options().outputs(), channels(), options().group()});
    passes().describe_transposed_forward(context, options().has_bias(), is_single ? "forward" : "");
    if (!context.may_run_backward()) return;
    passes().describe_forward(context, false, "");
    passes().describe_backward_weights(context, false, !is_single);
  }
};

const dlr_layer_type kDeconvolution = layer_type<Deconvolution>(
    {1, DLR_UNBOUNDED, 1, DLR_UNBOUNDED}, kConvolutionKernels, kConvolutionKernelCount);

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.deconvolution", "1.0.0", convolution_proto,
           DLR_PROVIDE("dlrun.layer/1", "Deconvolution", "learned filters, transposed: enlarges",
                       dlrun::kDeconvolution));
