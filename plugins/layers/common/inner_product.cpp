// InnerProduct, the fully connected layer.
//
//   y = x W^T + b       W^T is W when `transpose` is set
//
// Shapes: the bottom's axes before `axis` make up N, the others C; x [N,C], W [K,C] (transposed:
// [C,K]), b [K], y [N,K], where K is num_output. Gradients: dx = dy W,  dW = dy^T x,  db = the sum
// of dy over N. Source: Caffe's InnerProduct.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include "inner_product.kernel.h.inc"
#include "inner_product.proto.inc"

namespace dlrun {
namespace {

constexpr int kWeights = 0;
constexpr int kBias = 1;

class InnerProduct final : public Layer {
 public:
  explicit InnerProduct(const Params& layer)
      : params_(layer.message("inner_product_param")),
        outputs_(params_.get<int64_t>("num_output")),
        has_bias_(params_.get<bool>("bias_term")),
        axis_(params_.get<int64_t>("axis")),
        is_transposed_(params_.get<bool>("transpose")) {
    if (outputs_ < 1) params_.fail("num_output", "num_output must be set, and at least 1");
  }

  void setup(SetupContext& context) override {
    const Shape x = context.bottom_shape(0);
    const int axis = x.axis(axis_);
    inputs_ = x.count(axis, x.rank());

    LayerFacts facts;
    facts.per_sample = axis > 0;
    context.facts(facts);
    TopFacts y;
    y.data_needed_in_backward = 0;
    context.top_facts(0, y);

    ParamOptions weights;
    weights.filler = params_.message("weight_filler");
    context.add_param(weights_shape(), weights);
    if (has_bias_) {
      ParamOptions bias;
      bias.filler = params_.message("bias_filler");
      context.add_param({outputs_}, bias);
    }
  }

  void reshape(ReshapeContext& context) override {
    const Shape bottom = context.bottom_shape(0);
    const int axis = bottom.axis(axis_);
    rows_ = bottom.count(0, axis);
    if (bottom.count(axis, bottom.rank()) != inputs_) {
      throw Error("bottom 0 has shape " + bottom.text() + ", but the weights are for " +
                  std::to_string(inputs_) + " inputs from axis " + std::to_string(axis) + " on");
    }
    Shape top;
    for (int i = 0; i < axis; ++i)
      top.push_back(bottom[i]);
    top.push_back(outputs_);
    context.top(0, top);
    describe_operators(context);
    context.cost(2.0 * static_cast<double>(rows_ * inputs_ * outputs_),
                 static_cast<double>(bytes_of(context.dtype())) *
                     static_cast<double>(rows_ * (inputs_ + outputs_) + inputs_ * outputs_));
  }

  void forward(RunContext& context) override {
    const Tensor x = context.bottom(0);
    const Tensor y = context.top(0);
    const Tensor weights = context.param(kWeights);
    if (context.has_operator(forward_)) {
      context.run_operator(forward_, read(x), read(weights),
                           has_bias_ ? read(context.param(kBias)) : none(), write(y));
      return;
    }
    context.run_operator(forward_gemm_, read(x), read(weights), write(y));
    if (has_bias_) {
      context.launch(kernels::inner_product_add_bias, rows_, outputs_, read(context.param(kBias)),
                     read_write(y), outputs_);
    }
  }

  void backward(RunContext& context) override {
    const Tensor dy = context.top_gradient(0);
    if (const Tensor dx = context.bottom_gradient(0)) {
      const int op = context.has_operator(backward_data_) ? backward_data_ : data_gemm_;
      context.run_operator(op, read(dy), read(context.param(kWeights)), write(dx));
    }
    const Tensor d_weights = context.param_gradient(kWeights);
    const Tensor d_bias = has_bias_ ? context.param_gradient(kBias) : Tensor(nullptr);
    // The operator writes all that it was described with.
    if (context.has_operator(backward_weights_) && d_weights && (d_bias || !has_bias_)) {
      context.run_operator(backward_weights_, read(context.bottom(0)), read(dy), write(d_weights),
                           has_bias_ ? write(d_bias) : none());
      return;
    }
    if (d_weights) weights_by_gemm(context, dy, d_weights);
    if (d_bias) {
      context.launch(kernels::inner_product_bias_gradient, outputs_, 1, read(dy), write(d_bias),
                     rows_, outputs_);
    }
  }

 private:
  Shape weights_shape() const {
    return is_transposed_ ? Shape{inputs_, outputs_} : Shape{outputs_, inputs_};
  }

  OperatorDesc describe(const char* op) const {
    OperatorDesc desc(op);
    desc.attribute("transpose", is_transposed_);
    return desc;
  }
  OperatorDesc& add_bias(OperatorDesc& desc, uint32_t dtype) const {
    return has_bias_ ? desc.argument({outputs_}, dtype) : desc.no_argument();
  }

  void describe_operators(ReshapeContext& context) {
    const uint32_t dtype = context.dtype();
    const Shape x{rows_, inputs_};
    const Shape y{rows_, outputs_};
    OperatorDesc forward = describe("inner_product_forward");
    add_bias(forward.argument(x, dtype).argument(weights_shape(), dtype), dtype).argument(y, dtype);
    forward_ = context.add_operator(std::move(forward), "forward");
    const bool t = is_transposed_;
    forward_gemm_ = context.add_operator(Gemm{rows_, outputs_, inputs_, false, !t}.desc(dtype));
    if (!context.may_run_backward()) return;

    OperatorDesc data = describe("inner_product_backward_data");
    data.argument(y, dtype).argument(weights_shape(), dtype).argument(x, dtype);
    backward_data_ = context.add_operator(std::move(data));
    data_gemm_ = context.add_operator(Gemm{rows_, inputs_, outputs_, false, t}.desc(dtype));

    OperatorDesc weights = describe("inner_product_backward_weights");
    add_bias(weights.argument(x, dtype).argument(y, dtype).argument(weights_shape(), dtype), dtype);
    backward_weights_ = context.add_operator(std::move(weights));
    const Gemm product = t ? Gemm{inputs_, outputs_, rows_, true, false}
                           : Gemm{outputs_, inputs_, rows_, true, false};
    weights_gemm_ = context.add_operator(product.desc(dtype));
  }

  void weights_by_gemm(RunContext& context, Tensor dy, Tensor d_weights) {
    const Tensor x = context.bottom(0);
    if (is_transposed_) {
      context.run_operator(weights_gemm_, read(x), read(dy), write(d_weights));
    } else {
      context.run_operator(weights_gemm_, read(dy), read(x), write(d_weights));
    }
  }

  Params params_;
  int64_t outputs_;  // K
  bool has_bias_;
  int64_t axis_;
  bool is_transposed_;
  int64_t inputs_ = 0;  // C
  int64_t rows_ = 0;    // N

  int forward_ = -1;
  int backward_data_ = -1;
  int backward_weights_ = -1;
  int forward_gemm_ = -1;
  int data_gemm_ = -1;
  int weights_gemm_ = -1;
};

const dlr_kernel* const kKernels[] = {&kernels::inner_product_add_bias,
                                      &kernels::inner_product_bias_gradient};
const dlr_layer_type kInnerProduct =
    layer_type<InnerProduct>({1, 1, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.innerproduct", "1.0.0", inner_product_proto,
           DLR_PROVIDE("dlrun.layer/1", "InnerProduct", "fully connected: x W^T + b",
                       dlrun::kInnerProduct));
