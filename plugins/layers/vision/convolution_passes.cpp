// The passes of a convolution: what is described while reshaping, and running, by operators or
// without.
#include "convolution_passes.hpp"

#include "convolution.kernel.h.inc"

namespace dlrun {

const dlr_kernel* const kConvolutionKernels[kConvolutionKernelCount] = {
    &kernels::im2col, &kernels::col2im, &kernels::convolution_add_bias,
    &kernels::convolution_bias_gradient};

void add_bias(RunContext& context, const Maps& maps, Tensor bias, Tensor y) {
  context.launch(kernels::convolution_add_bias, maps.batch * maps.channels, maps.positions,
                 read(bias), read_write(y), maps.channels, maps.positions);
}

void bias_gradient(RunContext& context, const Maps& maps, Tensor dy, Tensor db, bool adds) {
  context.launch(kernels::convolution_bias_gradient, maps.channels, maps.positions, read(dy),
                 adds ? read_write(db) : write(db), maps.batch, maps.channels, maps.positions,
                 adds);
}

// ---- What is described while reshaping
// ----------------------------------------------------------

Shape ConvolutionPasses::weights_shape() const {
  Shape shape{sizes_.outputs, sizes_.channels / sizes_.group};
  for (const int64_t size : sizes_.window.list(sizes_.window.kernel))
    shape.push_back(size);
  return shape;
}

Shape ConvolutionPasses::input_shape() const {
  Shape shape{sizes_.batch, sizes_.channels};
  for (const int64_t size : sizes_.window.list(sizes_.window.in))
    shape.push_back(size);
  return shape;
}

Shape ConvolutionPasses::output_shape() const {
  Shape shape{sizes_.batch, sizes_.outputs};
  for (const int64_t size : sizes_.window.list(sizes_.window.out))
    shape.push_back(size);
  return shape;
}

double ConvolutionPasses::flops() const {
  return 2 * static_cast<double>(sizes_.batch) *
         static_cast<double>(sizes_.group * weights_per_group() * positions());
}

double ConvolutionPasses::elements() const {
  return static_cast<double>(input_shape().count() + output_shape().count() +
                             weights_shape().count());
}

bool ConvolutionPasses::image_is_columns() const {
  return kernel_elements() == 1 && sizes_.window.stride == Spatial{1, 1, 1} &&
         sizes_.window.pad == Spatial{0, 0, 0};
}

OperatorDesc ConvolutionPasses::describe(const char* op) const {
  const SpatialWindow& window = sizes_.window;
  OperatorDesc desc(op);
  desc.attribute("kernel", window.list(window.kernel));
  desc.attribute("stride", window.list(window.stride));
  desc.attribute("pad", window.list(window.pad));
  desc.attribute("dilation", window.list(window.dilation));
  desc.attribute("group", sizes_.group);
  return desc;
}

// The columns of one image, where a pass has no operator.
int ConvolutionPasses::add_columns(ReshapeContext& context, const Pass& pass) const {
  if (image_is_columns()) return -1;
  return context.scratch({sizes_.channels * kernel_elements(), positions()}, pass.whole);
}

int ConvolutionPasses::add_forward(ReshapeContext& context, const char* op, const Shape& from,
                                   const Shape& to, bool has_bias, std::string_view role) const {
  if (!has_operators()) return -1;
  const uint32_t dtype = context.dtype();
  OperatorDesc forward = describe(op);
  forward.argument(from, dtype).argument(weights_shape(), dtype);
  has_bias ? forward.argument({to[1]}, dtype) : forward.no_argument();
  forward.argument(to, dtype);
  return context.add_operator(std::move(forward), role);
}

void ConvolutionPasses::describe_forward(ReshapeContext& context, bool has_bias,
                                         std::string_view role) {
  forward_.whole =
      add_forward(context, "convolution_forward", input_shape(), output_shape(), has_bias, role);
  const Gemm product{outputs_per_group(), positions(), rows_per_group()};
  forward_.product = context.add_operator(product.desc(context.dtype()));
  forward_.columns = add_columns(context, forward_);
}

void ConvolutionPasses::describe_backward_data(ReshapeContext& context) {
  const uint32_t dtype = context.dtype();
  if (has_operators()) {
    OperatorDesc data = describe("convolution_backward_data");
    data.argument(output_shape(), dtype).argument(weights_shape(), dtype);
    data.argument(input_shape(), dtype);
    data_.whole = context.add_operator(std::move(data));
  }
  const Gemm product{rows_per_group(), positions(), outputs_per_group(), true, false};
  data_.product = context.add_operator(product.desc(dtype));
  data_.columns = add_columns(context, data_);
}

void ConvolutionPasses::describe_transposed_forward(ReshapeContext& context, bool has_bias,
                                                    std::string_view role) {
  transposed_ =
      add_forward(context, "deconvolution_forward", output_shape(), input_shape(), has_bias, role);
  describe_backward_data(context);  // for devices that have only that
}

void ConvolutionPasses::describe_backward_weights(ReshapeContext& context, bool has_bias,
                                                  bool adds) {
  const uint32_t dtype = context.dtype();
  has_bias_gradient_ = has_bias;
  if (has_bias) unwanted_bias_gradient_ = context.scratch({sizes_.outputs});
  if (has_operators()) {
    OperatorDesc weights = describe("convolution_backward_weights");
    weights.argument(input_shape(), dtype).argument(output_shape(), dtype);
    weights.argument(weights_shape(), dtype);
    has_bias ? weights.argument({sizes_.outputs}, dtype) : weights.no_argument();
    weights_.whole = context.add_operator(weights);
    if (adds) more_weights_.whole = context.add_operator(weights.accumulate());
  }
  Gemm product{outputs_per_group(), rows_per_group(), positions(), false, true};
  weights_.product = context.add_operator(product.desc(dtype));
  product.beta = 1;
  more_weights_.product = context.add_operator(product.desc(dtype));
  weights_.columns = add_columns(context, weights_);
  if (adds) more_weights_.columns = add_columns(context, more_weights_);
}

// ---- Running
// ------------------------------------------------------------------------------------

void ConvolutionPasses::forward(RunContext& context, Tensor x, Tensor weights, Tensor bias,
                                Tensor y) const {
  if (context.has_operator(forward_.whole)) {
    context.run_operator(forward_.whole, read(x), read(weights), bias ? read(bias) : none(),
                         write(y));
    return;
  }
  forward_by_products(context, x, weights, y);
  if (bias) add_bias(context, outputs(), bias, y);
}

void ConvolutionPasses::backward_data(RunContext& context, Tensor dy, Tensor weights,
                                      Tensor dx) const {
  if (context.has_operator(data_.whole)) {
    context.run_operator(data_.whole, read(dy), read(weights), write(dx));
  } else {
    data_by_products(context, dy, weights, dx);
  }
}

void ConvolutionPasses::transposed_forward(RunContext& context, Tensor dy, Tensor weights,
                                           Tensor bias, Tensor dx) const {
  if (context.has_operator(transposed_)) {
    context.run_operator(transposed_, read(dy), read(weights), bias ? read(bias) : none(),
                         write(dx));
    return;
  }
  backward_data(context, dy, weights, dx);
  if (bias) add_bias(context, inputs(), bias, dx);
}

void ConvolutionPasses::backward_weights(RunContext& context, Tensor x, Tensor dy, Tensor dw,
                                         Tensor db, bool adds) const {
  const int whole = adds ? more_weights_.whole : weights_.whole;
  const auto output = [&](Tensor tensor) { return adds ? accumulate(tensor) : write(tensor); };
  if (dw && context.has_operator(whole)) {
    // The operator writes a bias gradient even when nobody wants it.
    const Tensor bias_output =
        db || !has_bias_gradient_ ? db : context.scratch(unwanted_bias_gradient_);
    context.run_operator(whole, read(x), read(dy), output(dw),
                         has_bias_gradient_ ? output(bias_output) : none());
    return;
  }
  if (dw) {
    weights_by_products(context, x, dy, dw, adds);
    if (sizes_.batch == 0)  // of no images the sum is 0, as that of a bias
      bias_gradient(context, {0, dw.count(), 1}, dy, dw, adds);
  }
  if (db) bias_gradient(context, outputs(), dy, db, adds);
}

// Launches im2col or col2im: one image, from `from` to `to`.
void ConvolutionPasses::rearrange(RunContext& context, const dlr_kernel& kernel, int64_t rows,
                                  int64_t width, const Argument& from, const Argument& to) const {
  const SpatialWindow& w = sizes_.window;
  context.launch(kernel, rows, width, from, to, w.in[0], w.in[1], w.in[2], w.kernel[0], w.kernel[1],
                 w.kernel[2], w.stride[0], w.stride[1], w.stride[2], w.pad[0], w.pad[1], w.pad[2],
                 w.dilation[0], w.dilation[1], w.dilation[2], w.out[0], w.out[1], w.out[2]);
}

// The columns of image n of x: made in the scratch memory, or the image itself.
ConvolutionPasses::Part ConvolutionPasses::columns_of(RunContext& context, Tensor x, int64_t n,
                                                      int scratch) const {
  if (image_is_columns()) return {x, image_at(n)};
  const Tensor columns = context.scratch(scratch);
  const Spatial& out = sizes_.window.out;
  rearrange(context, kernels::im2col, sizes_.channels * kernel_elements() * out[0] * out[1], out[2],
            read(x, image_at(n)), write(columns));
  return {columns, 0};
}

void ConvolutionPasses::forward_by_products(RunContext& context, Tensor x, Tensor weights,
                                            Tensor y) const {
  for (int64_t n = 0; n < sizes_.batch; ++n) {
    const Part columns = columns_of(context, x, n, forward_.columns);
    for (int64_t g = 0; g < sizes_.group; ++g) {
      context.run_operator(forward_.product, read(weights, g * weights_per_group()),
                           read(columns.tensor, columns.offset + columns_at(g)),
                           write_part(y, n + g == 0, output_at(n, g)));
    }
  }
}

void ConvolutionPasses::data_by_products(RunContext& context, Tensor dy, Tensor weights,
                                         Tensor dx) const {
  const Spatial& in = sizes_.window.in;
  for (int64_t n = 0; n < sizes_.batch; ++n) {
    const Part columns =
        image_is_columns() ? Part{dx, image_at(n)} : Part{context.scratch(data_.columns), 0};
    for (int64_t g = 0; g < sizes_.group; ++g) {
      const bool is_first = columns.offset + g == 0;
      context.run_operator(data_.product, read(weights, g * weights_per_group()),
                           read(dy, output_at(n, g)),
                           write_part(columns.tensor, is_first, columns.offset + columns_at(g)));
    }
    if (image_is_columns()) continue;
    rearrange(context, kernels::col2im, sizes_.channels * in[0] * in[1], in[2],
              read(columns.tensor), write_part(dx, n == 0, image_at(n)));
  }
}

void ConvolutionPasses::weights_by_products(RunContext& context, Tensor x, Tensor dy, Tensor dw,
                                            bool adds) const {
  const int scratch = adds ? more_weights_.columns : weights_.columns;
  for (int64_t n = 0; n < sizes_.batch; ++n) {
    const Part columns = columns_of(context, x, n, scratch);
    const bool is_first = !adds && n == 0;
    for (int64_t g = 0; g < sizes_.group; ++g) {
      context.run_operator(is_first ? weights_.product : more_weights_.product,
                           read(dy, output_at(n, g)),
                           read(columns.tensor, columns.offset + columns_at(g)),
                           write_part(dw, is_first && g == 0, g * weights_per_group()));
    }
  }
}

}  // namespace dlrun
