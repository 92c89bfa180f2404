// LRN, local response normalisation: divides by how active the neighbours are.
//
//   scale[i] = k + alpha / I * (sum over j in the window of i of x[j]^2)
//   y[i] = x[i] scale[i]^-beta
//   dx[i] = dy[i] scale[i]^-beta - 2 alpha beta / I x[i] * (sum over j in the window of i of dy[j]
//   y[j] / scale[j])
//
// The window has I elements, those outside the bottom counting as 0:
//   ACROSS_CHANNELS  local_size channels at the same position; I = local_size
//   WITHIN_CHANNEL   local_size x local_size positions of the same channel; I = local_size^2; k is
//   1
// Shapes: x [N,C,S...] (WITHIN_CHANNEL: [N,C,H,W]), y as x.
//
// Sources: Krizhevsky et al., "ImageNet classification with deep convolutional neural networks",
// 2012; Caffe's LRN.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <string>

#include "lrn.kernel.h.inc"
#include "lrn.proto.inc"

namespace dlrun {
namespace {

class Lrn final : public Layer {
 public:
  explicit Lrn(const Params& layer) {
    const Params params = layer.message("lrn_param");
    is_within_ = params.get<std::string>("norm_region") == "WITHIN_CHANNEL";
    size_ = params.get<int64_t>("local_size");
    if (size_ % 2 == 0) {
      params.fail("local_size",
                  "local_size is " + std::to_string(size_) + ", expected an odd number");
    }
    alpha_ = params.get<double>("alpha");
    beta_ = params.get<double>("beta");
    k_ = params.get<double>("k");
  }

  void setup(SetupContext& context) override {
    may_run_backward_ = context.may_run_backward();
    LayerFacts facts;
    facts.per_sample = 1;
    facts.zero_to_zero = 1;
    context.facts(facts);
    TopFacts y;
    y.data_needed_in_backward = has_operators();  // the operator may read it
    context.top_facts(0, y);
  }

  void reshape(ReshapeContext& context) override {
    shape_ = context.bottom_shape(0);
    const int least_rank = is_within_ ? 4 : 2;
    if (shape_.rank() < least_rank || (is_within_ && shape_.rank() > least_rank)) {
      throw Error("bottom 0 has shape " + shape_.text() + "; expected " +
                  (is_within_ ? "N x C x H x W" : "N x C and any axes behind them"));
    }
    context.top(0, shape_);
    if (has_operators()) describe_operators(context);
    if (may_run_backward_) {
      factor_ = context.scratch(shape_, backward_);
      ratio_ = context.scratch(shape_, backward_);
    }
    const auto count = static_cast<double>(shape_.count());
    context.cost((2.0 * static_cast<double>(is_within_ ? size_ * size_ : size_) + 10) * count,
                 2 * count * bytes_of(context.dtype()));
  }

  void forward(RunContext& context) override {
    const Tensor x = context.bottom(0);
    const Tensor y = context.top(0);
    if (context.has_operator(forward_)) {
      context.run_operator(forward_, read(x), write(y));
    } else if (is_within_) {
      launch_within(context, kernels::lrn_within, read(x), write(y));
    } else {
      context.launch(kernels::lrn_across, shape_[0] * shape_[1], inner(), read(x), write(y),
                     shape_[1], inner(), reach(), k_, alpha_per_element(), beta_);
    }
  }

  void backward(RunContext& context) override {
    const Tensor dx = context.bottom_gradient(0);
    if (!dx) return;
    const Tensor x = context.bottom(0);
    const Tensor dy = context.top_gradient(0);
    if (context.has_operator(backward_)) {
      context.run_operator(backward_, read(x), read(context.top(0)), read(dy), write(dx));
      return;
    }
    const Tensor factor = context.scratch(factor_);
    const Tensor ratio = context.scratch(ratio_);
    if (is_within_) {
      launch_within(context, kernels::lrn_within_parts, read(x), read(dy), write(factor),
                    write(ratio));
      launch_within(context, kernels::lrn_within_gradient, read(x), read(dy), read(factor),
                    read(ratio), write(dx));
    } else {
      const int64_t rows = shape_[0] * shape_[1];
      context.launch(kernels::lrn_across_parts, rows, inner(), read(x), read(dy), write(factor),
                     write(ratio), shape_[1], inner(), reach(), k_, alpha_per_element(), beta_);
      context.launch(kernels::lrn_across_gradient, rows, inner(), read(x), read(dy), read(factor),
                     read(ratio), write(dx), shape_[1], inner(), reach(), alpha_per_element(),
                     beta_);
    }
  }

 private:
  bool has_operators() const { return !is_within_; }
  int64_t reach() const { return size_ / 2; }
  int64_t inner() const { return shape_.count(2, shape_.rank()); }  // S
  double alpha_per_element() const {
    return alpha_ / static_cast<double>(is_within_ ? size_ * size_ : size_);
  }

  void describe_operators(ReshapeContext& context) {
    const auto describe = [&](const char* op, int n_arguments) {
      OperatorDesc desc(op);
      desc.attribute("size", size_).attribute("training", may_run_backward_);
      desc.number("alpha", alpha_).number("beta", beta_).number("k", k_);
      if (may_run_backward_) desc.attribute("pair", 0);
      for (int i = 0; i < n_arguments; ++i)
        desc.argument(shape_, context.dtype());
      return desc;
    };
    forward_ = context.add_operator(describe("lrn_forward", 2), "forward");
    if (may_run_backward_) backward_ = context.add_operator(describe("lrn_backward", 4));
  }

  template <class... Arguments>
  void launch_within(RunContext& context, const dlr_kernel& kernel, const Arguments&... tensors) {
    context.launch(kernel, shape_[0] * shape_[1] * shape_[2], shape_[3], tensors..., shape_[2],
                   shape_[3], reach(), alpha_per_element(), beta_);
  }

  bool is_within_;
  int64_t size_;
  double alpha_;
  double beta_;
  double k_;
  bool may_run_backward_ = false;
  Shape shape_;
  int forward_ = -1;
  int backward_ = -1;
  int factor_ = -1;
  int ratio_ = -1;
};

const dlr_kernel* const kKernels[] = {&kernels::lrn_across,          &kernels::lrn_across_parts,
                                      &kernels::lrn_across_gradient, &kernels::lrn_within,
                                      &kernels::lrn_within_parts,    &kernels::lrn_within_gradient};
const dlr_layer_type kLrn = layer_type<Lrn>({1, 1, 1, 1}, kKernels, std::size(kKernels));

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.lrn", "1.0.0", lrn_proto,
           DLR_PROVIDE("dlrun.layer/1", "LRN", "divides by the activity of neighbours",
                       dlrun::kLrn));
