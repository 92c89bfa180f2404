// convolution_passes.hpp: the three passes of a convolution, shared by Convolution and by
// Deconvolution, whose forward is a convolution's backward.
//
//   forward           x -> y   y = w im2col(x) + b
//   backward data     dy -> dx   dx = col2im(w^T dy), and as a transposed forward + b
//   backward weights  x, dy -> dw, db   dw = sum over images of dy im2col(x)^T, db = the sum of dy
//
// x has `channels` maps of size window.in, y has `outputs` of size window.out; w [outputs,
// channels/group, window.kernel]. Each pass is an operator, which a device may run as a whole; what
// it declines runs image by image as im2col or col2im and the operator gemm, on any device.
#pragma once

#include <dlrun/layer.hpp>

#include <string_view>

#include "spatial_window.hpp"

namespace dlrun {

// All kernels that the passes launch.
inline constexpr uint64_t kConvolutionKernelCount = 4;
extern const dlr_kernel* const kConvolutionKernels[kConvolutionKernelCount];

// Maps of one size: [batch, channels, positions].
struct Maps {
  int64_t batch;
  int64_t channels;
  int64_t positions;
};
// Adds a bias for each channel.
void add_bias(RunContext& context, const Maps& maps, Tensor bias, Tensor y);
// The gradient of that bias is written, or added to what it holds.
void bias_gradient(RunContext& context, const Maps& maps, Tensor dy, Tensor db, bool adds);

class ConvolutionPasses {
 public:
  struct Sizes {
    SpatialWindow window;
    int64_t batch = 0;
    int64_t channels = 0;
    int64_t outputs = 0;
    int64_t group = 1;
  };

  // While reshaping: the sizes, then each pass that will run.
  void reshape(const Sizes& sizes) { sizes_ = sizes; }
  void describe_forward(ReshapeContext& context, bool has_bias, std::string_view role);
  void describe_backward_data(ReshapeContext& context);
  // dy -> dx as the forward of a transposed convolution, with a bias for each of x's channels.
  void describe_transposed_forward(ReshapeContext& context, bool has_bias, std::string_view role);
  // `adds`: backward_weights will also be asked to add.
  void describe_backward_weights(ReshapeContext& context, bool has_bias, bool adds);

  Shape weights_shape() const;
  Maps inputs() const { return {sizes_.batch, sizes_.channels, product(sizes_.window.in)}; }
  Maps outputs() const { return {sizes_.batch, sizes_.outputs, product(sizes_.window.out)}; }
  // Of one pass: floating-point operations, and elements moved.
  double flops() const;
  double elements() const;

  // Running. `bias` and gradients may be none.
  void forward(RunContext& context, Tensor x, Tensor weights, Tensor bias, Tensor y) const;
  void backward_data(RunContext& context, Tensor dy, Tensor weights, Tensor dx) const;
  void transposed_forward(RunContext& context, Tensor dy, Tensor weights, Tensor bias,
                          Tensor dx) const;
  void backward_weights(RunContext& context, Tensor x, Tensor dy, Tensor dw, Tensor db,
                        bool adds) const;

 private:
  // Indices of what a pass was described as; -1 where there is none.
  struct Pass {
    int whole = -1;    // the operator that is all of it
    int product = -1;  // gemm for one group of one image
    int columns = -1;  // scratch memory for the columns of one image
  };
  // Where a matrix begins: a tensor and an offset in elements.
  struct Part {
    Tensor tensor;
    int64_t offset;
  };

  OperatorDesc describe(const char* op) const;
  // The operator from [N, C, s...] to [N, K, s...] with the weights and perhaps a bias [K]; -1
  // where there is none.
  int add_forward(ReshapeContext& context, const char* op, const Shape& from, const Shape& to,
                  bool has_bias, std::string_view role) const;
  // No spatial axes: an inner product along the channels, no device's business.
  bool has_operators() const { return sizes_.window.axes > 0; }
  Shape input_shape() const;
  Shape output_shape() const;
  int add_columns(ReshapeContext& context, const Pass& pass) const;

  int64_t input_positions() const { return product(sizes_.window.in); }      // S
  int64_t positions() const { return product(sizes_.window.out); }           // O
  int64_t kernel_elements() const { return product(sizes_.window.kernel); }  // I
  int64_t outputs_per_group() const { return sizes_.outputs / sizes_.group; }
  // Rows of one group's part of the columns: C/G * I.
  int64_t rows_per_group() const { return sizes_.channels / sizes_.group * kernel_elements(); }
  int64_t weights_per_group() const { return outputs_per_group() * rows_per_group(); }
  // A kernel of one element that sees every input once: the image itself is the columns.
  bool image_is_columns() const;
  // Where image n of x, group g's rows of the columns, or of image n of y, begin.
  int64_t image_at(int64_t n) const { return n * sizes_.channels * input_positions(); }
  int64_t columns_at(int64_t g) const { return g * rows_per_group() * positions(); }
  int64_t output_at(int64_t n, int64_t g) const {
    return (n * sizes_.group + g) * outputs_per_group() * positions();
  }

  void rearrange(RunContext& context, const dlr_kernel& kernel, int64_t rows, int64_t width,
                 const Argument& from, const Argument& to) const;
  Part columns_of(RunContext& context, Tensor x, int64_t n, int scratch) const;
  void forward_by_products(RunContext& context, Tensor x, Tensor weights, Tensor y) const;
  void data_by_products(RunContext& context, Tensor dy, Tensor weights, Tensor dx) const;
  void weights_by_products(RunContext& context, Tensor x, Tensor dy, Tensor dw, bool adds) const;

  Sizes sizes_;
  bool has_bias_gradient_ = false;
  Pass forward_;
  Pass data_;
  int transposed_ = -1;  // the operator that is a transposed forward with its bias
  Pass weights_;
  Pass more_weights_;  // adds
  int unwanted_bias_gradient_ = -1;
};

}  // namespace dlrun
