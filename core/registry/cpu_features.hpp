// What the processor and the operating system support, by the names that plugins use in needs_cpu.
#pragma once

#include <string>
#include <string_view>

namespace dlrun::registry {

// "" when this machine has all the features of "avx2 fma", or what it lacks: "the CPU lacks avx2".
std::string check_cpu(std::string_view needed);

// The features of this machine that dlrun knows, "sse4.2 avx avx2".
std::string cpu_features();

}  // namespace dlrun::registry
