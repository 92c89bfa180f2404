// Arrays as plugins deliver them, kept by value.
#pragma once

#include <dlrun/abi.h>

#include <string>
#include <vector>

namespace dlrun::conform {

struct KeptArray {
  uint32_t dtype = 0;
  std::vector<int64_t> dims;
  std::string bytes;
  bool operator==(const KeptArray&) const = default;
  auto operator<=>(const KeptArray&) const = default;
};
using Sample = std::vector<KeptArray>;  // an array for each top

// Throws Failure when the array isn't one: an unknown element type, extents below 0, bytes that
// don't fit them, no memory.
KeptArray keep(const dlr_array& array, const std::string& what);
// "u8 [3x4]"
std::string describe(const KeptArray& array);
// Throws Failure that names the first difference.
void require_same(const Sample& found, const Sample& expected, const std::string& what);

// Bytes of an element; 0 for an unknown type.
uint64_t element_bytes(uint32_t dtype);
uint64_t element_count(const dlr_array& array);

}  // namespace dlrun::conform
