// Base64 (RFC 4648, padded), for bytes inside JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dlrun::model_io {

std::string encode_base64(std::string_view bytes);

// Nothing when the text is not exactly what encode_base64 writes.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace dlrun::model_io
