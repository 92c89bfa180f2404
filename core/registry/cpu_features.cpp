#include "core/registry/cpu_features.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cstdint>
#include <sstream>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace dlrun::registry {
namespace {

struct Feature {
  const char* name;
  bool present;
};

#if defined(__x86_64__)

using Registers = std::array<unsigned, 4>;  // eax, ebx, ecx, edx

Registers cpuid(unsigned leaf) {
  Registers registers = {};
  __get_cpuid_count(leaf, 0, &registers[0], &registers[1], &registers[2], &registers[3]);
  return registers;
}

// The register sets that the operating system saves (XCR0); 0 when the processor has no such
// register.
std::uint64_t saved_registers(const Registers& leaf1) {
  constexpr unsigned kOsxsave = 1u << 27;
  if ((leaf1[2] & kOsxsave) == 0) return 0;
  unsigned low = 0;
  unsigned high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32) | low;
}

std::vector<Feature> features() {
  const Registers leaf1 = cpuid(1);
  const Registers leaf7 = cpuid(7);
  const std::uint64_t saved = saved_registers(leaf1);
  const bool ymm = (saved & 0x06) == 0x06;  // SSE and AVX state
  const bool zmm = (saved & 0xe6) == 0xe6;  // and the three parts of AVX-512's
  const auto bit = [](unsigned value, int index) { return ((value >> index) & 1u) != 0; };
  return {
      {"sse3", bit(leaf1[2], 0)},
      {"ssse3", bit(leaf1[2], 9)},
      {"sse4.1", bit(leaf1[2], 19)},
      {"sse4.2", bit(leaf1[2], 20)},
      {"popcnt", bit(leaf1[2], 23)},
      {"avx", ymm && bit(leaf1[2], 28)},
      {"fma", ymm && bit(leaf1[2], 12)},
      {"f16c", ymm && bit(leaf1[2], 29)},
      {"bmi", bit(leaf7[1], 3)},
      {"bmi2", bit(leaf7[1], 8)},
      {"avx2", ymm && bit(leaf7[1], 5)},
      {"avx512f", zmm && bit(leaf7[1], 16)},
      {"avx512dq", zmm && bit(leaf7[1], 17)},
      {"avx512cd", zmm && bit(leaf7[1], 28)},
      {"avx512bw", zmm && bit(leaf7[1], 30)},
      {"avx512vl", zmm && bit(leaf7[1], 31)},
      {"avx512vbmi", zmm && bit(leaf7[2], 1)},
      {"avx512vnni", zmm && bit(leaf7[2], 11)},
  };
}

#else

// Only the names of x86 are known so far; elsewhere a plugin that needs a feature is refused.
std::vector<Feature> features() {
  return {};
}

#endif

const Feature* find(const std::vector<Feature>& all, std::string_view name) {
  for (const Feature& feature : all) {
    if (name == feature.name) return &feature;
  }
  return nullptr;
}

}  // namespace

std::string check_cpu(std::string_view needed) {
  if (needed.empty()) return {};
  const std::vector<Feature> all = features();
  std::vector<std::string> lacking;
  std::istringstream words{std::string(needed)};
  for (std::string word; words >> word;) {
    const Feature* feature = find(all, word);
    if (feature == nullptr) {
      return fmt::format("needs the CPU feature '{}', which this dlrun doesn't know", word);
    }
    if (!feature->present) lacking.push_back(word);
  }
  if (lacking.empty()) return {};
  return fmt::format("the CPU lacks {} (the plugin needs {})", fmt::join(lacking, ", "), needed);
}

std::string cpu_features() {
  std::vector<std::string> present;
  for (const Feature& feature : features()) {
    if (feature.present) present.emplace_back(feature.name);
  }
  return fmt::format("{}", fmt::join(present, " "));
}

}  // namespace dlrun::registry
