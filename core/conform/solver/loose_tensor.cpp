#include "core/conform/solver/loose_tensor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/conform/raw_device.hpp"
#include "core/conform/runner.hpp"

namespace dlrun::conform {
namespace {

constexpr std::size_t kMargin = 8;
constexpr double kMarginValue = 12345;

}  // namespace

LooseTensor::LooseTensor(net::Executor& executor, const Shape& shape, uint32_t dtype)
    : executor_(executor),
      count_(static_cast<std::size_t>(shape.count())),
      margin_(executor.device().works_in_host_memory() ? kMargin : 0),
      buffer_(executor.host(), slot_, meter_),
      tensor_{shape.desc(dtype, DLR_LAYOUT_PLAIN), &buffer_},
      whole_{Shape{static_cast<int64_t>(count_ + margin_)}.desc(dtype, DLR_LAYOUT_PLAIN),
             &buffer_} {
  set(Values(count_));
}

void LooseTensor::set(const Values& values) {
  Values all = values;
  all.resize(count_ + margin_, kMarginValue);
  const Bytes bytes = to_bytes(all, tensor_.desc.dtype);
  // The first copy is as large as the whole; the solver's view finds it.
  std::copy(bytes.begin(), bytes.end(),
            static_cast<unsigned char*>(executor_.map(whole_, DLR_WRITE)));
}

Values LooseTensor::read_whole() {
  const auto* found = static_cast<const unsigned char*>(executor_.map(whole_, DLR_READ));
  const Bytes bytes(found, found + memory::plain_bytes(whole_.desc));
  return from_bytes(bytes, tensor_.desc.dtype);
}

Values LooseTensor::values() {
  Values all = read_whole();
  all.resize(count_);
  return all;
}

void LooseTensor::require_margin(const std::string& what) {
  const Values all = read_whole();
  for (std::size_t i = count_; i < all.size(); ++i) {
    if (all[i] != kMarginValue)
      fail(
          fmt::format("{}: something was written to element {} of {}: {}", what, i, count_, all[i]),
          "nothing behind the last element");
  }
}

}  // namespace dlrun::conform
