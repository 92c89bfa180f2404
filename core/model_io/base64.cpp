#include "core/model_io/base64.hpp"

#include <cstdint>

namespace dlrun::model_io {
namespace {

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view group = bytes.substr(i, 3);
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (j < group.size() ? static_cast<uint8_t>(group[j]) : 0u);
    }
    for (size_t j = 0; j < 4; ++j) {
      text.push_back(j <= group.size() ? kLetters[bits >> (18 - 6 * j) & 63] : '=');
    }
  }
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  uint32_t bits = 0;
  unsigned filled = 0;
  for (const char letter : text.substr(0, text.size() - padding)) {
    const size_t value = kLetters.find(letter);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    filled += 6;
    if (filled >= 8) {
      filled -= 8;
      bytes.push_back(static_cast<char>(bits >> filled));
    }
  }
  if (encode_base64(bytes) != text) return std::nullopt;  // wrong length or stray bits
  return bytes;
}

}  // namespace dlrun::model_io
