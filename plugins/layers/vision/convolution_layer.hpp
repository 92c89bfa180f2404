// convolution_layer.hpp: what Convolution and Deconvolution have in common: parameters, facts and
// shapes. Which passes of a convolution they run, and on which side the bottom is, is their own.
#pragma once

#include <dlrun/layer.hpp>

#include <string>

#include "convolution_options.hpp"
#include "convolution_passes.hpp"

namespace dlrun {

class ConvolutionLayer : public Layer {
 public:
  explicit ConvolutionLayer(const Params& layer) : options_(layer) {}

  void setup(SetupContext& context) final {
    const Shape x = context.bottom_shape(0);
    const int channel_axis = options_.channel_axis(x);
    channels_ = x[channel_axis];

    LayerFacts facts;
    facts.per_sample = channel_axis > 0;
    context.facts(facts);
    TopFacts y;
    y.data_needed_in_backward = 0;
    for (int i = 0; i < context.n_tops(); ++i)
      context.top_facts(i, y);

    Shape weights = filter_maps();
    const SpatialWindow window = options_.window(x);
    for (const int64_t size : window.list(window.kernel))
      weights.push_back(size);
    context.add_param(weights, options_.weights());
    if (options_.has_bias()) context.add_param({options_.outputs()}, options_.bias());
  }

  void reshape(ReshapeContext& context) final {
    require_alike_bottoms(context);
    const Shape x = context.bottom_shape(0);
    const int channel_axis = options_.channel_axis(x);
    if (x[channel_axis] != channels_) {
      throw Error("bottom 0 has shape " + x.text() + ", but the weights are for " +
                  std::to_string(channels_) + " channels");
    }
    SpatialWindow window = options_.window(x);
    const Spatial top = place(window, x);
    Shape y;
    for (int axis = 0; axis < channel_axis; ++axis)
      y.push_back(x[axis]);
    y.push_back(options_.outputs());
    for (const int64_t size : window.list(top))
      y.push_back(size);
    for (int i = 0; i < context.n_tops(); ++i)
      context.top(i, y);

    describe(context, window, x.count(0, channel_axis));
    const int n = context.n_bottoms();
    context.cost(n * passes_.flops(),
                 n * passes_.elements() * static_cast<double>(bytes_of(context.dtype())));
  }

 protected:
  static constexpr int kWeights = 0;
  static constexpr int kBias = 1;

  // The first two extents of the weights.
  virtual Shape filter_maps() const = 0;
  // Completes a window whose `in` is the bottom's size; returns the top's size.
  virtual Spatial place(SpatialWindow& window, const Shape& x) const = 0;
  // Describes the passes that will run, on `batch` images.
  virtual void describe(ReshapeContext& context, const SpatialWindow& window, int64_t batch) = 0;

  const ConvolutionOptions& options() const { return options_; }
  int64_t channels() const { return channels_; }
  ConvolutionPasses& passes() { return passes_; }
  // The bias and its gradient; none where there isn't one.
  Tensor bias(RunContext& context) const {
    return options_.has_bias() ? context.param(kBias) : Tensor(nullptr);
  }
  Tensor bias_output(RunContext& context) const {
    return options_.has_bias() ? context.param_gradient(kBias) : Tensor(nullptr);
  }

 private:
  static void require_alike_bottoms(const ReshapeContext& context) {
    if (context.n_tops() != context.n_bottoms()) {
      throw Error("there are " + std::to_string(context.n_bottoms()) + " bottoms and " +
                  std::to_string(context.n_tops()) + " tops; give each bottom one top");
    }
    const Shape first = context.bottom_shape(0);
    for (int i = 1; i < context.n_bottoms(); ++i) {
      const Shape other = context.bottom_shape(i);
      if (other != first) {
        throw Error("bottom " + std::to_string(i) + " has shape " + other.text() +
                    ", but bottom 0 has " + first.text() + "; all must be alike");
      }
    }
  }

  ConvolutionOptions options_;
  int64_t channels_ = 0;  // of the bottom
  ConvolutionPasses passes_;
};

}  // namespace dlrun
