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
// How it runs: forward and the two backward directions are operators, which a device may run as a
// whole; what it declines runs image by image as im2col or col2im and the operator gemm, on any
// device.
//
// Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998;
// Chellapilla et al., "High performance convolutional neural networks for document processing",
// 2006 (im2col). Behaves as Caffe's Convolution.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <string>

#include "convolution.kernel.h.inc"
#include "convolution.proto.inc"
#include "convolution_options.hpp"

namespace dlrun {
namespace {

constexpr int kWeights = 0;
constexpr int kBias = 1;

// Where a matrix begins: a tensor and an offset in elements.
struct Part {
  Tensor tensor;
  int64_t offset;
};

class Convolution final : public Layer {
 public:
  explicit Convolution(const Params& layer) : options_(layer) {}

  void setup(SetupContext& context) override {
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

    context.add_param(weights_shape(options_.window(x)), options_.weights());
    if (options_.has_bias()) context.add_param({options_.outputs()}, options_.bias());
  }

  void reshape(ReshapeContext& context) override {
    require_alike_bottoms(context);
    const Shape x = context.bottom_shape(0);
    const int channel_axis = options_.channel_axis(x);
    window_ = options_.window(x);
    set_output_size(x);
    batch_ = x.count(0, channel_axis);

    Shape y;
    for (int axis = 0; axis < channel_axis; ++axis)
      y.push_back(x[axis]);
    y.push_back(options_.outputs());
    for (const int64_t size : window_.list(window_.out))
      y.push_back(size);
    for (int i = 0; i < context.n_tops(); ++i)
      context.top(i, y);

    describe_operators(context);
    describe_products(context);
    describe_scratch(context);
    set_cost(context);
  }

  void forward(RunContext& context) override {
    for (int i = 0; i < context.n_bottoms(); ++i) {
      const Tensor x = context.bottom(i);
      const Tensor y = context.top(i);
      if (context.has_operator(forward_)) {
        context.run_operator(forward_, read(x), read(context.param(kWeights)),
                             options_.has_bias() ? read(context.param(kBias)) : none(), write(y));
      } else {
        forward_by_products(context, x, y);
      }
    }
  }

  void backward(RunContext& context) override {
    for (int i = 0; i < context.n_bottoms(); ++i) {
      const Tensor dy = context.top_gradient(i);
      backward_parameters(context, i, dy);
      const Tensor dx = context.bottom_gradient(i);
      if (!dx) continue;
      if (context.has_operator(backward_data_)) {
        context.run_operator(backward_data_, read(dy), read(context.param(kWeights)), write(dx));
      } else {
        backward_data_by_products(context, dy, dx);
      }
    }
  }

 private:
  // ---- Shapes
  // -----------------------------------------------------------------------------------------------

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

  Shape weights_shape(const SpatialWindow& window) const {
    Shape shape{options_.outputs(), channels_ / options_.group()};
    for (const int64_t size : window.list(window.kernel))
      shape.push_back(size);
    return shape;
  }

  void set_output_size(const Shape& x) {
    for (size_t axis = 0; axis < kMaxSpatialAxes; ++axis) {
      const int64_t padded = window_.in[axis] + 2 * window_.pad[axis];
      if (window_.extent(axis) > padded) {
        options_.fail_kernel("the kernel covers " + std::to_string(window_.extent(axis)) +
                             " elements of an axis that has " + std::to_string(padded) +
                             " with its padding; the bottom has shape " + x.text());
      }
      window_.out[axis] = (padded - window_.extent(axis)) / window_.stride[axis] + 1;
    }
    if (x[options_.channel_axis(x)] != channels_) {
      throw Error("bottom 0 has shape " + x.text() + ", but the weights are for " +
                  std::to_string(channels_) + " channels");
    }
  }

  int64_t outputs_per_group() const { return options_.outputs() / options_.group(); }
  int64_t inputs() const { return product(window_.in); }        // S
  int64_t positions() const { return product(window_.out); }    // O
  int64_t elements() const { return product(window_.kernel); }  // I
  // Rows of one group's part of the columns: C/G * I.
  int64_t rows_per_group() const { return channels_ / options_.group() * elements(); }
  int64_t weights_per_group() const { return outputs_per_group() * rows_per_group(); }

  // A kernel of one element that sees every input once: the image itself is the columns.
  bool image_is_columns() const {
    return elements() == 1 && window_.stride == Spatial{1, 1, 1} && window_.pad == Spatial{0, 0, 0};
  }

  // ---- What is described while reshaping
  // ------------------------------------------------------------------------

  OperatorDesc describe(const char* op) const {
    OperatorDesc desc(op);
    desc.attribute("kernel", window_.list(window_.kernel));
    desc.attribute("stride", window_.list(window_.stride));
    desc.attribute("pad", window_.list(window_.pad));
    desc.attribute("dilation", window_.list(window_.dilation));
    desc.attribute("group", options_.group());
    return desc;
  }

  void describe_operators(ReshapeContext& context) {
    if (window_.axes == 0) return;  // an inner product along the channels: no device's business
    const uint32_t dtype = context.dtype();
    const Shape weights = weights_shape(window_);
    Shape x{batch_, channels_};
    for (const int64_t size : window_.list(window_.in))
      x.push_back(size);
    Shape y{batch_, options_.outputs()};
    for (const int64_t size : window_.list(window_.out))
      y.push_back(size);
    const auto with_bias = [&](OperatorDesc& desc) -> OperatorDesc& {
      return options_.has_bias() ? desc.argument({options_.outputs()}, dtype) : desc.no_argument();
    };

    OperatorDesc forward = describe("convolution_forward");
    with_bias(forward.argument(x, dtype).argument(weights, dtype)).argument(y, dtype);
    const bool is_single = context.n_bottoms() == 1;
    forward_ = context.add_operator(std::move(forward), is_single ? "forward" : "");
    if (!context.may_run_backward()) return;

    OperatorDesc data = describe("convolution_backward_data");
    data.argument(y, dtype).argument(weights, dtype).argument(x, dtype);
    backward_data_ = context.add_operator(std::move(data));

    OperatorDesc parameters = describe("convolution_backward_weights");
    with_bias(parameters.argument(x, dtype).argument(y, dtype).argument(weights, dtype));
    backward_weights_ = context.add_operator(parameters);
    // What further bottoms contribute is added to what the first one wrote.
    if (!is_single) add_backward_weights_ = context.add_operator(parameters.accumulate());
  }

  // The products for one group of one image.
  void describe_products(ReshapeContext& context) {
    const uint32_t dtype = context.dtype();
    const int64_t k = outputs_per_group();
    const int64_t rows = rows_per_group();
    forward_product_ = context.add_operator(Gemm{k, positions(), rows}.desc(dtype));
    if (!context.may_run_backward()) return;
    data_product_ = context.add_operator(Gemm{rows, positions(), k, true, false}.desc(dtype));
    weights_product_ = context.add_operator(Gemm{k, rows, positions(), false, true}.desc(dtype));
    add_weights_product_ =
        context.add_operator(Gemm{k, rows, positions(), false, true, 1}.desc(dtype));
  }

  // The columns of one image, for each direction that has no operator.
  void describe_scratch(ReshapeContext& context) {
    const bool trains = context.may_run_backward();
    if (trains && options_.has_bias()) {
      unwanted_bias_gradient_ = context.scratch({options_.outputs()});
    }
    if (image_is_columns()) return;
    const Shape columns{channels_ * elements(), positions()};
    forward_columns_ = context.scratch(columns, forward_);
    if (!trains) return;
    data_columns_ = context.scratch(columns, backward_data_);
    weights_columns_ = context.scratch(columns, backward_weights_);
    if (context.n_bottoms() > 1) {
      add_weights_columns_ = context.scratch(columns, add_backward_weights_);
    }
  }

  void set_cost(ReshapeContext& context) const {
    const auto each = static_cast<double>(context.n_bottoms() * batch_);
    const auto multiplications =
        static_cast<double>(options_.group() * weights_per_group() * positions());
    const auto elements =
        static_cast<double>(channels_ * inputs() + options_.outputs() * positions());
    const auto weights = static_cast<double>(options_.group() * weights_per_group());
    context.cost(2 * each * multiplications,
                 static_cast<double>(bytes_of(context.dtype())) * (each * elements + weights));
  }

  // ---- Running without operators
  // -----------------------------------------------------------------------------------

  // Launches im2col or col2im: one image, from `from` to `to`.
  void rearrange(RunContext& context, const dlr_kernel& kernel, int64_t rows, int64_t width,
                 const Argument& from, const Argument& to) const {
    const SpatialWindow& w = window_;
    context.launch(kernel, rows, width, from, to, w.in[0], w.in[1], w.in[2], w.kernel[0],
                   w.kernel[1], w.kernel[2], w.stride[0], w.stride[1], w.stride[2], w.pad[0],
                   w.pad[1], w.pad[2], w.dilation[0], w.dilation[1], w.dilation[2], w.out[0],
                   w.out[1], w.out[2]);
  }

  // The columns of image n of x: made in the scratch memory, or the image itself.
  Part columns_of(RunContext& context, Tensor x, int64_t n, int scratch) const {
    const int64_t image = n * channels_ * inputs();
    if (image_is_columns()) return {x, image};
    const Tensor columns = context.scratch(scratch);
    const int64_t rows = channels_ * elements() * window_.out[0] * window_.out[1];
    rearrange(context, kernels::im2col, rows, window_.out[2], read(x, image), write(columns));
    return {columns, 0};
  }

  // Where group g's rows of the columns, or of image n of the output, begin.
  int64_t columns_at(int64_t g) const { return g * rows_per_group() * positions(); }
  int64_t output_at(int64_t n, int64_t g) const {
    return (n * options_.group() + g) * outputs_per_group() * positions();
  }

  void forward_by_products(RunContext& context, Tensor x, Tensor y) const {
    const Tensor weights = context.param(kWeights);
    for (int64_t n = 0; n < batch_; ++n) {
      const Part columns = columns_of(context, x, n, forward_columns_);
      for (int64_t g = 0; g < options_.group(); ++g) {
        context.run_operator(forward_product_, read(weights, g * weights_per_group()),
                             read(columns.tensor, columns.offset + columns_at(g)),
                             write_part(y, n + g == 0, output_at(n, g)));
      }
    }
    if (options_.has_bias()) {
      context.launch(kernels::convolution_add_bias, batch_ * options_.outputs(), positions(),
                     read(context.param(kBias)), read_write(y), options_.outputs(), positions());
    }
  }

  void backward_data_by_products(RunContext& context, Tensor dy, Tensor dx) const {
    const Tensor weights = context.param(kWeights);
    for (int64_t n = 0; n < batch_; ++n) {
      const int64_t image = n * channels_ * inputs();
      const Part columns =
          image_is_columns() ? Part{dx, image} : Part{context.scratch(data_columns_), 0};
      for (int64_t g = 0; g < options_.group(); ++g) {
        const bool is_first = columns.offset + g == 0;
        context.run_operator(data_product_, read(weights, g * weights_per_group()),
                             read(dy, output_at(n, g)),
                             write_part(columns.tensor, is_first, columns.offset + columns_at(g)));
      }
      if (image_is_columns()) continue;
      const int64_t rows = channels_ * window_.in[0] * window_.in[1];
      rearrange(context, kernels::col2im, rows, window_.in[2], read(columns.tensor),
                write_part(dx, n == 0, image));
    }
  }

  // The gradients of w and b from bottom i; those of bottom 0 are written, the others are added.
  void backward_parameters(RunContext& context, int i, Tensor dy) const {
    const Tensor dw = context.param_gradient(kWeights);
    const Tensor db = options_.has_bias() ? context.param_gradient(kBias) : Tensor(nullptr);
    const int op = i == 0 ? backward_weights_ : add_backward_weights_;
    const auto output = [&](Tensor tensor) { return i == 0 ? write(tensor) : accumulate(tensor); };
    if (dw && context.has_operator(op)) {
      // The operator writes a bias gradient even when nobody wants it.
      const Tensor bias_output = db ? db : context.scratch(unwanted_bias_gradient_);
      context.run_operator(op, read(context.bottom(i)), read(dy), output(dw),
                           options_.has_bias() ? output(bias_output) : none());
      return;
    }
    if (dw) weights_by_products(context, i, dy, dw);
    if (db) {
      context.launch(kernels::convolution_bias_gradient, options_.outputs(), positions(), read(dy),
                     i == 0 ? write(db) : read_write(db), batch_, options_.outputs(), positions(),
                     i > 0);
    }
  }

  void weights_by_products(RunContext& context, int i, Tensor dy, Tensor dw) const {
    const int scratch = i == 0 ? weights_columns_ : add_weights_columns_;
    for (int64_t n = 0; n < batch_; ++n) {
      const Part columns = columns_of(context, context.bottom(i), n, scratch);
      const bool is_first = i == 0 && n == 0;
      for (int64_t g = 0; g < options_.group(); ++g) {
        context.run_operator(is_first ? weights_product_ : add_weights_product_,
                             read(dy, output_at(n, g)),
                             read(columns.tensor, columns.offset + columns_at(g)),
                             write_part(dw, is_first && g == 0, g * weights_per_group()));
      }
    }
  }

  ConvolutionOptions options_;
  SpatialWindow window_;
  int64_t channels_ = 0;  // C
  int64_t batch_ = 0;     // N

  // Indices of operators; -1 where there is none.
  int forward_ = -1;
  int backward_data_ = -1;
  int backward_weights_ = -1;
  int add_backward_weights_ = -1;
  int forward_product_ = -1;
  int data_product_ = -1;
  int weights_product_ = -1;
  int add_weights_product_ = -1;
  // Indices of scratch memory.
  int forward_columns_ = -1;
  int data_columns_ = -1;
  int weights_columns_ = -1;
  int add_weights_columns_ = -1;
  int unwanted_bias_gradient_ = -1;
};

const dlr_kernel* const kKernels[] = {&kernels::im2col, &kernels::col2im,
                                      &kernels::convolution_add_bias,
                                      &kernels::convolution_bias_gradient};
const dlr_layer_type kConvolution =
    layer_type<Convolution>({1, DLR_UNBOUNDED, 1, DLR_UNBOUNDED}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.convolution", "1.0.0", convolution_proto,
           DLR_PROVIDE("dlrun.layer/1", "Convolution", "learned filters over 1 to 3 spatial axes",
                       dlrun::kConvolution));
