// The numbered rules, each with its line of docs/conformance.md (a lint holds the two against each
// other).
#pragma once

#include <string_view>
#include <vector>

namespace dlrun::conform {

struct Rule {
  std::string_view id;    // "O3"
  std::string_view text;  // one line
};

const std::vector<Rule>& rules();
// "" when there is no such rule.
std::string_view rule_text(std::string_view id);

}  // namespace dlrun::conform
