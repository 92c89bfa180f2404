// "did you mean": the known name nearest to an unknown one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dlrun::base {

// The candidate at the smallest edit distance from `name` (letters compared without case), or ""
// when none is near enough to be a likely slip.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

// "; did you mean 'num_output'?" or "".
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace dlrun::base
