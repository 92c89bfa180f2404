// Names and seeds as numbers: what keys random numbers.
#pragma once

#include <cstdint>
#include <string_view>

namespace dlrun::base {

// FNV-1a: the same on every machine and in every version.
inline uint32_t hash32(std::string_view text) {
  uint32_t hash = 2166136261u;
  for (const char letter : text)
    hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619u;
  return hash;
}

// A stream of random numbers for a named thing in one pass: the name above, the pass below.
inline uint64_t stream_of(std::string_view name, uint64_t pass) {
  return (static_cast<uint64_t>(hash32(name)) << 32) | (pass & 0xFFFFFFFFu);
}

// To be XORed into a stream: tells the parts of one thing from each other, by bits all over it,
// which counting passes doesn't reach. Part 0 changes nothing.
inline uint64_t stream_part(uint64_t part) {
  return part * 0x9E3779B97F4A7C15ull;
}

}  // namespace dlrun::base
