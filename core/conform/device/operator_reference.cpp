#include "core/conform/device/operator_reference.hpp"

#include <cmath>
#include <functional>

#include "core/base/error.hpp"
#include "core/conform/device/operator_formulas.hpp"

namespace dlrun::conform {
namespace formula {
namespace {

// None for what is no activation.
std::function<double(double)> activation(std::string_view op, double alpha) {
  if (op == "sigmoid_forward") return [](double x) { return 1 / (1 + std::exp(-x)); };
  if (op == "tanh_forward") return [](double x) { return std::tanh(x); };
  if (op == "relu_forward") return [alpha](double x) { return x > 0 ? x : alpha * x; };
  return {};
}

bool elementwise(const Call& call) {
  const auto f = activation(call.step.op, call.step.number("slope", 0));
  if (f) std::transform(call.at(0).begin(), call.at(0).end(), call.at(1).begin(), f);
  return static_cast<bool>(f);
}

void sum(const Call& call) {
  const std::size_t n = call.step.args.size() - 1;
  Values& y = call.cleared(n);
  for (std::size_t input = 0; input < n; ++input) {
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] += call.at(input)[i];
  }
}

void concat(const Call& call) {
  const std::size_t n = call.step.args.size() - 1;
  const int axis = static_cast<int>(call.step.integer("axis", 0));
  Values joined;
  for (int64_t outer = 0; outer < call.shape(0).count(0, axis); ++outer) {
    for (std::size_t input = 0; input < n; ++input) {
      const auto length =
          static_cast<std::ptrdiff_t>(call.shape(input).count(axis, call.shape(input).rank()));
      const auto begin = call.at(input).begin() + outer * length;
      joined.insert(joined.end(), begin, begin + length);
    }
  }
  call.at(n) = joined;
}

void compute(const Call& call) {
  const std::string& op = call.step.op;
  const bool is_backward = op.ends_with("_backward");
  if (op == "gemm") return gemm(call);
  if (op == "sum") return sum(call);
  if (op == "concat") return concat(call);
  if (op.starts_with("pooling_")) return pooling(call, op.starts_with("pooling_max"), is_backward);
  if (op.starts_with("lrn_")) return lrn(call, is_backward);
  if (op.starts_with("softmax_")) return softmax(call, is_backward);
  if (op.starts_with("batch_norm_")) return batch_norm(call, is_backward);
  if (op.ends_with("_backward_data")) return backward_data(call);
  if (op == "deconvolution_forward") return backward_data(call, 3, 2);
  if (op.ends_with("_backward_weights")) return backward_weights(call);
  if (op == "convolution_forward" || op == "inner_product_forward") return forward(call);
  if (!elementwise(call)) base::fail_work("no formula for the operator " + op);
}

}  // namespace
}  // namespace formula

void compute_reference(const OperatorCase& operator_case, const OperatorStep& step,
                       std::vector<std::vector<double>>& values) {
  const formula::Call call{step, operator_case, values};
  formula::compute(call);
  if (!step.behind) return;
  const auto f = formula::activation(step.behind->op, step.behind->alpha);
  const auto output = static_cast<std::size_t>(step.outputs.at(0));
  formula::Values& y = call.at(output);
  // Of a product's rows that have gaps only what was computed.
  const auto row =
      static_cast<std::size_t>(call.shape(output).rank() > 1 ? call.shape(output)[1] : 1);
  const auto computed = step.op == "gemm" ? static_cast<std::size_t>(step.integer("n", 0)) : row;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (i % row < computed) y[i] = f(y[i]);
  }
}

}  // namespace dlrun::conform
