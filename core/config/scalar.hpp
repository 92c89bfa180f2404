// Reading numbers and truth values strictly, by the rules of protobuf's text format.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace dlrun::config {

struct Integer {
  bool negative = false;
  uint64_t magnitude = 0;
};

// Decimal, hexadecimal (0x1f) or octal (017), with or without '-'; nothing when it is anything else
// or has more than 64 bits.
std::optional<Integer> parse_integer(const std::string& text);

// Also inf, infinity and nan, and YAML's spelling of them; nothing when not a number.
std::optional<double> parse_number(std::string text);

// true, True, t, 1, false, False, f, 0.
std::optional<bool> parse_boolean(const std::string& text);

}  // namespace dlrun::config
