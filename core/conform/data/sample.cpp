#include "core/conform/data/sample.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/conform/runner.hpp"

namespace dlrun::conform {

uint64_t element_bytes(uint32_t dtype) {
  for (const uint32_t known : {DLR_F32, DLR_F64, DLR_I32, DLR_I64, DLR_U8}) {
    if (dtype == known) return (dtype & 0xFFu) / 8;
  }
  return 0;
}

uint64_t element_count(const dlr_array& array) {
  uint64_t count = 1;
  for (uint32_t axis = 0; axis < array.rank; ++axis)
    count *= static_cast<uint64_t>(array.dim[axis]);
  return count;
}

KeptArray keep(const dlr_array& array, const std::string& what) {
  if (element_bytes(array.dtype) == 0)
    fail(fmt::format("{}: element type {:#x}", what, array.dtype), "f32, f64, i32, i64 or u8");
  constexpr uint32_t kMostAxes = DLR_MAX_RANK - 1;  // the batch is one more
  if (array.rank > kMostAxes)
    fail(fmt::format("{}: {} axes", what, array.rank), fmt::format("at most {}", kMostAxes));
  KeptArray kept;
  kept.dtype = array.dtype;
  kept.dims.assign(array.dim, array.dim + array.rank);
  for (const int64_t dim : kept.dims) {
    if (dim < 0) fail(fmt::format("{}: an extent of {}", what, dim), "0 or more");
  }
  const uint64_t bytes = element_count(array) * element_bytes(array.dtype);
  if (array.bytes != bytes)
    fail(fmt::format("{}: {} of {} bytes", what, describe(kept), array.bytes),
         fmt::format("{} bytes", bytes));
  if (bytes == 0) return kept;
  if (array.data == nullptr) fail(what + ": no data", "the address of its elements");
  kept.bytes.assign(static_cast<const char*>(array.data), bytes);
  return kept;
}

std::string describe(const KeptArray& array) {
  return fmt::format("{}{} [{}]", static_cast<char>(array.dtype >> 8), array.dtype & 0xFFu,
                     fmt::join(array.dims, "x"));
}

void require_same(const Sample& found, const Sample& expected, const std::string& what) {
  for (std::size_t top = 0; top < expected.size(); ++top) {
    const KeptArray& a = found.at(top);
    const KeptArray& b = expected[top];
    if (describe(a) != describe(b))
      fail(fmt::format("{}, array {}: {}", what, top, describe(a)), describe(b));
    for (std::size_t i = 0; i < b.bytes.size(); ++i) {
      if (a.bytes[i] != b.bytes[i])
        fail(fmt::format("{}, array {}: byte {} of {} is {:#04x}", what, top, i, b.bytes.size(),
                         static_cast<unsigned char>(a.bytes[i])),
             fmt::format("{:#04x}", static_cast<unsigned char>(b.bytes[i])));
    }
  }
}

}  // namespace dlrun::conform
