// Columns of text, as wide as they need to be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dlrun::cli {

// The rows as lines; the first row is the head. Columns whose head begins with '>' are set to the
// right.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

// "431,080"; "1.7 MB".
std::string with_commas(uint64_t number);
std::string bytes_text(uint64_t bytes);

}  // namespace dlrun::cli
