// Values for tests: tensors of a net as doubles, values that lie apart, comparisons.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/net/net.hpp"

namespace dlrun::conform {

using Values = std::vector<double>;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The values of a tensor of a net of any type.
Values values_of(net::Net& net, const dlr_tensor& tensor);
void set_values(net::Net& net, dlr_tensor& tensor, const Values& values);

// n different values in (-1, 1), none nearer than 1 / n to another or to 0: no kink lies within a
// step. More than kMostSpread values only look arbitrary.
constexpr std::size_t kMostSpread = 20000;
Values spread_values(std::size_t n, uint64_t stream);

// Throws Failure that names the first element in which they differ. NaN equals NaN.
void require_same_bits(const std::vector<Values>& found, const std::vector<Values>& expected,
                       const std::string& what);
// The same within `relative` of the largest magnitude, or `absolute`.
void require_close(const Values& found, const Values& expected, double relative, double absolute,
                   const std::string& what);

}  // namespace dlrun::conform
