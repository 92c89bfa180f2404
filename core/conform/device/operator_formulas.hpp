// The formulas of docs/operators.md by family, for operator_reference.cpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/conform/device/operator_case.hpp"

namespace dlrun::conform::formula {

using Values = std::vector<double>;
using List = std::vector<int64_t>;

// A step with its arguments at hand.
struct Call {
  const OperatorStep& step;
  const OperatorCase& operator_case;
  std::vector<Values>& values;

  bool has(std::size_t arg) const { return arg < step.args.size() && step.args[arg] >= 0; }
  const Shape& shape(std::size_t arg) const {
    return operator_case.tensors[static_cast<std::size_t>(step.args.at(arg))];
  }
  Values& at(std::size_t arg) const { return values[static_cast<std::size_t>(step.args.at(arg))]; }
  Values& cleared(std::size_t arg) const {
    std::fill(at(arg).begin(), at(arg).end(), 0.0);
    return at(arg);
  }
};

inline std::size_t index(int64_t i) {
  return static_cast<std::size_t>(i);
}

void gemm(const Call& call);
// Convolutions and inner products in their three directions.
void forward(const Call& call);
// The output and its bias, if there is such an argument: as the forward of a transposed convolution
// they lie elsewhere.
void backward_data(const Call& call, std::size_t to = 2, std::size_t bias = 3);
void backward_weights(const Call& call);
void pooling(const Call& call, bool is_max, bool is_backward);
void lrn(const Call& call, bool is_backward);
void softmax(const Call& call, bool is_backward);
void batch_norm(const Call& call, bool is_backward);

}  // namespace dlrun::conform::formula
