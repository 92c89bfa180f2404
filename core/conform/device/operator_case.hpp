// Cases of operators: data, read from YAML (sdk/conform/operators.yaml explains the fields), as
// descriptions with the tensors that they work on.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/conform/shape.hpp"

namespace dlrun::conform {

// An activation fused behind an operator.
struct Fused {
  std::string op;  // "relu_forward"
  double alpha = 0;
};

// One operator of a case.
struct OperatorStep {
  std::string op;
  std::map<std::string, std::vector<int64_t>> integers;
  std::map<std::string, double> numbers;
  std::vector<int> args;     // tensors of the case; -1: absent
  std::vector<int> outputs;  // among the arguments
  bool adds = false;         // into its output, which is read too (gemm with beta)
  std::optional<Fused> behind{};
  std::vector<uint64_t> layouts{};  // asked for, by argument; none: all are left open

  int64_t integer(const std::string& name, int64_t otherwise) const;
  double number(const std::string& name, double otherwise) const;
  const std::vector<int64_t>& list(const std::string& name) const { return integers.at(name); }
  // Whether it is all that a layer's forward does, behind which activations may be fused.
  bool may_be_forward() const;
};

// Operators of one pair (a forward and its backward) share a case: they run in order, over one
// reserve.
struct OperatorCase {
  std::string name;
  std::vector<Shape> tensors;
  std::vector<OperatorStep> steps;
  std::vector<int> positive;  // tensors that hold positive values only
  double offset = 0;          // of the first tensor's values, which else lie in (-1, 1)
  bool has_ties = false;      // among the first tensor's values
  bool is_large = false;      // to be planned, not to be run
  bool is_plain = false;      // all arguments in plain layout, as gemm's are
  bool is_of_net = false;  // has the shapes of a real net: only what depends on shapes is checked
};

// An operator's forward (or only) direction as a layer describes it.
struct OperatorLine {
  std::string family;  // "convolution"
  std::map<std::string, std::vector<int64_t>> integers;
  std::map<std::string, double> numbers;
  std::vector<std::vector<int64_t>> args;  // extents; empty: absent
};
// The case with all directions of its family, as if a line of operators.yaml said so.
OperatorCase operator_case_of(const OperatorLine& line);

std::vector<OperatorCase> parse_operator_cases(const std::string& yaml, const std::string& file);
std::vector<OperatorCase> builtin_operator_cases();

}  // namespace dlrun::conform
