// device_cpu_reference.hpp: data and comparisons for the tests of the cpu device's operators.
#pragma once

#include <cmath>
#include <random>

#include "tests/unit/device_plugin.hpp"
#include "tests/unit/roots.hpp"

namespace device_test {

inline std::string plugin_file() {
  return dlrun::test::build_root() + "/plugins/device_cpu.so";
}

template <class T>
uint32_t dtype_of() {
  return sizeof(T) == 8 ? DLR_F64 : DLR_F32;
}

// Relative to values of about 1.
template <class T>
double tolerance() {
  return sizeof(T) == 8 ? 1e-12 : 1e-4;
}

// An array with guard bytes, filled from a seed with values in [-1, 1).
template <class T>
class Data {
 public:
  Data(int64_t count, uint32_t seed)
      : count_(count), bytes_(static_cast<uint64_t>(count) * sizeof(T)) {
    std::mt19937 random(seed);
    for (T& value : *this)
      value = static_cast<T>(double(random()) / 2147483648.0 - 1.0);
  }
  explicit Data(int64_t count)
      : count_(count), bytes_(static_cast<uint64_t>(count) * sizeof(T)) {}  // NaN

  T* begin() { return bytes_.template as<T>(); }
  T* end() { return begin() + count_; }
  T& operator[](int64_t index) { return begin()[index]; }
  int64_t count() const { return count_; }
  dlr_mem mem() const { return bytes_.mem(); }
  bool intact() const { return bytes_.intact(); }
  std::vector<T> copy() { return {begin(), end()}; }

 private:
  int64_t count_;
  Bytes bytes_;
};

// Over all elements, relative to the largest expected magnitude (at least 1); infinite for a NaN.
template <class T>
double largest_difference(Data<T>& found, const std::vector<double>& expected) {
  double scale = 1, difference = 0;
  for (const double value : expected)
    scale = std::max(scale, std::fabs(value));
  for (int64_t i = 0; i < found.count(); ++i) {
    const double d = std::fabs(double(found[i]) - expected[static_cast<size_t>(i)]);
    if (!(d <= difference)) difference = std::isnan(d) ? INFINITY : d;
  }
  return found.intact() ? difference / scale : INFINITY;
}

// The reason with which the device declines `op`; empty when it accepts.
inline std::string refusal(const DevicePlugin& plugin, const dlrun::OperatorDesc& op) {
  try {
    plugin.plan(op);
  } catch (const Refused& refused) {
    return refused.code == DLR_UNIMPLEMENTED ? refused.what()
                                             : std::string("not declined but: ") + refused.what();
  }
  return "";
}

}  // namespace device_test
