// Arrays to be written by a plugin, with a background that shows what it didn't write, and a margin
// that shows what it should not have.
#pragma once

#include <dlrun/abi.h>

#include "core/conform/raw_device.hpp"
#include "core/conform/shape.hpp"

namespace dlrun::conform {

// No byte of one is a byte of the other.
constexpr unsigned char kBackgrounds[] = {0x5A, 0xA5};

class GuardedArray {
 public:
  GuardedArray(uint32_t dtype, const Shape& shape, unsigned char background);
  GuardedArray(const GuardedArray&) = delete;
  GuardedArray& operator=(const GuardedArray&) = delete;

  dlr_array* get() { return &array_; }
  void set(const Bytes& elements);
  // Throws Failure when the margins or the array's description were written to.
  void require_intact() const;
  // Of the elements.
  Bytes bytes() const;

 private:
  Bytes memory_;
  dlr_array array_{};
  dlr_array before_{};
};

// The same written over both backgrounds: throws Failure when a byte of the background is left.
void require_all_written(const Bytes& over_first, const Bytes& over_second);

}  // namespace dlrun::conform
