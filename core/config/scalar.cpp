#include "core/config/scalar.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

namespace dlrun::config {

std::optional<Integer> parse_integer(const std::string& text) {
  Integer result;
  const char* begin = text.data();
  const char* end = begin + text.size();
  if (begin != end && *begin == '-') {
    result.negative = true;
    ++begin;
  }
  int base = 10;
  if (end - begin > 2 && begin[0] == '0' && (begin[1] == 'x' || begin[1] == 'X')) {
    base = 16;
    begin += 2;
  } else if (end - begin > 1 && begin[0] == '0') {
    base = 8;
  }
  const auto [stop, error] = std::from_chars(begin, end, result.magnitude, base);
  if (error != std::errc() || stop != end) return std::nullopt;
  return result;
}

std::optional<double> parse_number(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  const double sign = !text.empty() && text[0] == '-' ? -1 : 1;
  if (sign < 0) text.erase(0, 1);
  if (text == "inf" || text == "infinity" || text == ".inf") {
    return sign * std::numeric_limits<double>::infinity();
  }
  if (text == "nan" || text == ".nan") return std::numeric_limits<double>::quiet_NaN();

  if (text.empty() || text[0] == '-') return std::nullopt;
  if (text.back() == 'f') text.pop_back();
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::general);
  if (error != std::errc() || stop != end) return std::nullopt;
  return sign * value;
}

std::optional<bool> parse_boolean(const std::string& text) {
  if (text == "true" || text == "True" || text == "t" || text == "1") return true;
  if (text == "false" || text == "False" || text == "f" || text == "0") return false;
  return std::nullopt;
}

}  // namespace dlrun::config
