// Rules D3 and D4: what copies and zeros write, and where.
#include <fmt/format.h>

#include <algorithm>

#include "core/conform/device/checks.hpp"
#include "core/conform/raw_device.hpp"

namespace dlrun::conform {
namespace {

// More than the buffers that devices copy through, and no multiple of anything.
constexpr uint64_t kLong = (uint64_t{3} << 20) + 5;

void overwrite(Bytes& bytes, uint64_t offset, const Bytes& piece) {
  std::copy(piece.begin(), piece.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}

// Two memories of one device, and copies of a piece that end where they should or fail.
class Journey {
 public:
  Journey(const dlr_device_type& type, uint64_t whole)
      : device_(type), whole_(whole), a_(device_.allocate(whole)), b_(device_.allocate(whole)) {}

  // From the host to `offset` in a, from there to b, and back to the host. The other side of each
  // copy begins `shift` bytes behind an aligned place: it may lie anywhere too.
  void travel(uint64_t size, uint64_t offset, uint64_t shift) {
    const std::string what =
        fmt::format("{} bytes at offset {} (the other side: {})", size, offset, shift);
    Bytes expected_a = pattern(whole_, 1);
    Bytes expected_b = pattern(whole_, 2);
    device_.put(a_, expected_a);
    device_.put(b_, expected_b);
    const Bytes piece = pattern(size, 3);
    Bytes host(shift + size, kMargin);
    overwrite(host, shift, piece);
    const dlr_mem place = behind(a_, offset, size);

    device_.copy(place, host_memory(host.data() + shift, size), size);
    overwrite(expected_a, offset, piece);
    require_bytes(device_.get(a_, whole_), expected_a, "to the device, " + what);

    const uint64_t in_b = 8 + shift;
    device_.copy(behind(b_, in_b, size), place, size);
    overwrite(expected_b, in_b, piece);
    require_bytes(device_.get(b_, whole_), expected_b, "within the device, " + what);
    require_bytes(device_.get(a_, whole_), expected_a, "the source of a copy, " + what);

    Bytes found(shift + size + shift, kMargin);
    device_.copy(host_memory(found.data() + shift, size), place, size);
    host.resize(found.size(), kMargin);
    require_bytes(found, host, "from the device, with what lies around it, " + what);
  }

 private:
  static constexpr unsigned char kMargin = 0xA5;
  RawDevice device_;
  uint64_t whole_;
  dlr_mem a_;
  dlr_mem b_;
};

void check_zero_at(RawDevice& device, dlr_mem mem, uint64_t offset, uint64_t size) {
  Bytes expected = pattern(mem.bytes, 4);
  device.put(mem, expected);
  require_ok(device.type().zero(device.handle(), device.stream(), behind(mem, offset, size), size),
             "zero");
  device.synchronize();
  std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(offset), size, 0);
  require_bytes(device.get(mem, mem.bytes), expected,
                fmt::format("{} bytes zeroed at offset {}", size, offset));
}

}  // namespace

void check_copies(const dlr_device_type& type) {
  Journey journey(type, 5000);
  for (const uint64_t size : {1, 7, 64, 1003}) {
    for (const uint64_t offset : {0, 1, 2, 3, 4, 7, 60, 3996}) {
      for (const uint64_t shift : {0, 1, 2, 7})
        journey.travel(size, offset, shift);
    }
  }
  Journey(type, kLong + 100).travel(kLong, 3, 1);
}

void check_zero(const dlr_device_type& type) {
  RawDevice device(type);
  const dlr_mem mem = device.allocate(3000);
  for (const uint64_t size : {1, 5, 64, 1999}) {
    for (const uint64_t offset : {1, 2, 3, 7, 12})
      check_zero_at(device, mem, offset, size);
  }
  check_zero_at(device, device.allocate(kLong + 100), 3, kLong);
}

}  // namespace dlrun::conform
