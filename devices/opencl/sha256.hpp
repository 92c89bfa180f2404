// SHA-256 (FIPS 180-4), to name and to check cached binaries.
#pragma once

#include <string>
#include <string_view>

namespace dlrun::opencl {

// 64 lower-case hexadecimal digits.
std::string sha256(std::string_view bytes);

}  // namespace dlrun::opencl
