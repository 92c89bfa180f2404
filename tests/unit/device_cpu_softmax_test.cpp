// The cpu device's softmax, forward and backward, against its formula along every axis.
#include <doctest/doctest.h>

#include "tests/unit/device_cpu_reference.hpp"

namespace {

using device_test::Data;
using device_test::DevicePlugin;

template <class T>
void check_axis(const DevicePlugin& plugin, const dlrun::Shape& shape, int64_t axis) {
  const int at = shape.axis(axis);
  const int64_t outer = shape.count(0, at), n = shape[at],
                inner = shape.count(at + 1, shape.rank());
  Data<T> x(shape.count(), 1), y(shape.count()), dy(shape.count(), 2), dx(shape.count());
  for (T& value : x)
    value *= T(90);  // exp of the plain values would overflow float32
  std::vector<double> expected(static_cast<size_t>(shape.count())),
      expected_dx(static_cast<size_t>(shape.count()));
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t j = 0; j < inner; ++j) {
      const auto index = [&](int64_t i) { return (o * n + i) * inner + j; };
      double largest = -INFINITY, sum = 0, dot = 0;
      for (int64_t i = 0; i < n; ++i)
        largest = std::max(largest, double(x[index(i)]));
      for (int64_t i = 0; i < n; ++i)
        sum += std::exp(double(x[index(i)]) - largest);
      for (int64_t i = 0; i < n; ++i) {
        const double value = std::exp(double(x[index(i)]) - largest) / sum;
        expected[static_cast<size_t>(index(i))] = value;
        dot += value * double(dy[index(i)]);
      }
      for (int64_t i = 0; i < n; ++i) {
        const double value = expected[static_cast<size_t>(index(i))];
        expected_dx[static_cast<size_t>(index(i))] = value * (double(dy[index(i)]) - dot);
      }
    }
  }
  const uint32_t dtype = device_test::dtype_of<T>();
  dlrun::OperatorDesc forward("softmax_forward"), backward("softmax_backward");
  forward.attribute("axis", axis).argument(shape, dtype).argument(shape, dtype);
  backward.attribute("axis", axis)
      .argument(shape, dtype)
      .argument(shape, dtype)
      .argument(shape, dtype);
  plugin.plan(forward)->run({x.mem(), y.mem()});
  plugin.plan(backward)->run({y.mem(), dy.mem(), dx.mem()});
  CHECK(device_test::largest_difference(y, expected) < device_test::tolerance<T>());
  CHECK(device_test::largest_difference(dx, expected_dx) < device_test::tolerance<T>());
}

}  // namespace

TEST_CASE("softmax agrees with its formula along every axis, large inputs included") {
  for (const char* isa : {"baseline", ""}) {
    const DevicePlugin plugin(device_test::plugin_file(), 2, isa);
    for (const dlrun::Shape& shape :
         {dlrun::Shape{64, 10}, dlrun::Shape{3, 1000}, dlrun::Shape{2, 21, 9, 11}}) {
      for (int64_t axis = -1; axis < shape.rank(); ++axis) {
        CAPTURE(shape.text());
        CAPTURE(axis);
        check_axis<float>(plugin, shape, axis);
        check_axis<double>(plugin, shape, axis);
      }
    }
  }
}
