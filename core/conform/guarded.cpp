#include "core/conform/guarded.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/conform/runner.hpp"

namespace dlrun::conform {
namespace {

constexpr std::size_t kMargin = 64;  // on both sides
constexpr unsigned char kMarginByte = 0xC3;

}  // namespace

GuardedArray::GuardedArray(uint32_t dtype, const Shape& shape, unsigned char background) {
  const std::size_t bytes = static_cast<std::size_t>(shape.count()) * ((dtype & 0xFFu) / 8);
  memory_.assign(bytes + 2 * kMargin, kMarginByte);
  std::fill_n(memory_.begin() + kMargin, bytes, background);
  array_.data = memory_.data() + kMargin;
  array_.bytes = bytes;
  array_.dtype = dtype;
  array_.rank = static_cast<uint32_t>(shape.rank());
  for (int axis = 0; axis < shape.rank(); ++axis)
    array_.dim[axis] = shape[axis];
  before_ = array_;
}

void GuardedArray::set(const Bytes& elements) {
  std::copy(elements.begin(), elements.end(), memory_.begin() + kMargin);
}

void GuardedArray::require_intact() const {
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    const bool is_margin = i < kMargin || i >= kMargin + before_.bytes;
    if (is_margin && memory_[i] != kMarginByte)
      fail(fmt::format("byte {} of {} was written",
                       static_cast<std::ptrdiff_t>(i) - static_cast<std::ptrdiff_t>(kMargin),
                       before_.bytes),
           "only the array's own bytes");
  }
  if (std::memcmp(&array_, &before_, sizeof array_) != 0)
    fail("the array's address, type or shape was changed", "its elements alone are written");
}

Bytes GuardedArray::bytes() const {
  const auto begin = memory_.begin() + kMargin;
  return {begin, begin + static_cast<std::ptrdiff_t>(before_.bytes)};
}

void require_all_written(const Bytes& over_first, const Bytes& over_second) {
  for (std::size_t i = 0; i < over_first.size(); ++i) {
    if (over_first[i] == kBackgrounds[0] && over_second[i] == kBackgrounds[1])
      fail(fmt::format("byte {} of {} holds what was there before", i, over_first.size()),
           "every element is written");
  }
}

}  // namespace dlrun::conform
