// convolution_options.hpp: ConvolutionParameter as a layer uses it, shared by all layers that have
// one.
#pragma once

#include "spatial_window.hpp"

namespace dlrun {

class ConvolutionOptions {
 public:
  explicit ConvolutionOptions(const Params& layer)
      : params_(layer.message("convolution_param")),
        outputs_(params_.get<int64_t>("num_output")),
        group_(params_.get<int64_t>("group")),
        has_bias_(params_.get<bool>("bias_term")),
        axis_(params_.get<int64_t>("axis")),
        kernel_(params_, "kernel_size", "kernel", 1, std::nullopt),
        stride_(params_, "stride", "stride", 1, 1),
        pad_(params_, "pad", "pad", 0, 0),
        dilation_(params_, "dilation", "", 1, 1) {
    if (outputs_ < 1) params_.fail("num_output", "num_output must be set, and at least 1");
    if (!kernel_.is_set()) params_.fail("", "kernel_size is missing; or set kernel_h and kernel_w");
    if (group_ < 1) params_.fail("group", "group is 0, expected at least 1");
    if (outputs_ % group_ != 0) {
      params_.fail("group", "num_output " + std::to_string(outputs_) +
                                " can't be divided into group " + std::to_string(group_));
    }
  }

  int64_t outputs() const { return outputs_; }
  int64_t group() const { return group_; }
  bool has_bias() const { return has_bias_; }
  ParamOptions weights() const { return filled_by("weight_filler"); }
  ParamOptions bias() const { return filled_by("bias_filler"); }

  // The axis of the channels of a bottom; the spatial axes are those behind it.
  int channel_axis(const Shape& bottom) const {
    const int axis = bottom.axis(axis_);
    if (bottom.rank() - axis - 1 > kMaxSpatialAxes) {
      params_.fail("axis", "axis leaves " + std::to_string(bottom.rank() - axis - 1) +
                               " spatial axes of a bottom of shape " + bottom.text() +
                               ", at most 3 are possible");
    }
    if (bottom[axis] % group_ != 0) {
      params_.fail("group", "the bottom's " + std::to_string(bottom[axis]) +
                                " channels can't be divided into group " + std::to_string(group_));
    }
    return axis;
  }

  // The window without its output size, which each layer has its own formula for.
  SpatialWindow window(const Shape& bottom) const {
    SpatialWindow window;
    window.axes = bottom.rank() - channel_axis(bottom) - 1;
    window.in = spatial_sizes(bottom, window.axes);
    window.kernel = kernel_.resolve(window.axes, window.kernel);
    window.stride = stride_.resolve(window.axes, window.stride);
    window.pad = pad_.resolve(window.axes, window.pad);
    window.dilation = dilation_.resolve(window.axes, window.dilation);
    return window;
  }

  [[noreturn]] void fail_kernel(const std::string& message) const {
    params_.fail(kernel_.name(), message);
  }

 private:
  ParamOptions filled_by(const char* filler) const {
    ParamOptions options;
    options.filler = params_.message(filler);
    return options;
  }

  Params params_;
  int64_t outputs_;
  int64_t group_;
  bool has_bias_;
  int64_t axis_;
  WindowField kernel_;
  WindowField stride_;
  WindowField pad_;
  WindowField dilation_;
};

}  // namespace dlrun
