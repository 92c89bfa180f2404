// What an operator gives, by its formula in docs/operators.md, in float64 and without haste.
#pragma once

#include <vector>

#include "core/conform/device/operator_case.hpp"

namespace dlrun::conform {

// `values` of the case's tensors; those that the step writes are replaced.
void compute_reference(const OperatorCase& operator_case, const OperatorStep& step,
                       std::vector<std::vector<double>>& values);

}  // namespace dlrun::conform
