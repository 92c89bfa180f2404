#include "core/cli/text_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dlrun::cli {

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return {};
  std::vector<bool> right;
  std::vector<size_t> widths;
  for (const std::string& head : rows[0]) {
    right.push_back(!head.empty() && head[0] == '>');
    widths.push_back(head.size() - (right.back() ? 1 : 0));
  }
  for (size_t row = 1; row < rows.size(); ++row) {
    for (size_t column = 0; column < rows[row].size(); ++column) {
      widths[column] = std::max(widths[column], rows[row][column].size());
    }
  }
  std::string text;
  for (size_t row = 0; row < rows.size(); ++row) {
    std::string line;
    for (size_t column = 0; column < rows[row].size(); ++column) {
      std::string cell = rows[row][column];
      if (row == 0 && right[column]) cell.erase(0, 1);
      line += right[column] ? fmt::format("{:>{}}  ", cell, widths[column])
                            : fmt::format("{:<{}}  ", cell, widths[column]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string with_commas(uint64_t number) {
  std::string digits = std::to_string(number);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

std::string bytes_text(uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (bytes < 1000 * 1000) return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
  if (bytes < 1000ull * 1000 * 1000)
    return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
  return fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9);
}

}  // namespace dlrun::cli
