// The cpu device's local response normalization against its formula, and its gradient against
// differences.
#include <doctest/doctest.h>

#include "tests/unit/device_cpu_reference.hpp"

namespace {

using device_test::Data;
using device_test::DevicePlugin;

struct Case {
  int64_t images, channels, pixels, size;
  double alpha, beta, k;
};

dlrun::OperatorDesc describe(const std::string& op, const Case& c, uint32_t dtype, bool training) {
  dlrun::OperatorDesc desc(op);
  desc.attribute("size", c.size).attribute("training", training).attribute("pair", 1);
  desc.number("alpha", c.alpha).number("beta", c.beta).number("k", c.k);
  const int args = op == "lrn_forward" ? 2 : 4;
  for (int i = 0; i < args; ++i)
    desc.argument({c.images, c.channels, c.pixels, 1}, dtype);
  return desc;
}

// k + alpha / size * the sum of squares over the window of channel `ch`.
template <class T>
double scale(const Case& c, Data<T>& x, int64_t n, int64_t ch, int64_t p) {
  double sum = 0;
  for (int64_t i = ch - (c.size - 1) / 2; i < ch - (c.size - 1) / 2 + c.size; ++i) {
    if (i < 0 || i >= c.channels) continue;
    const double value = double(x[(n * c.channels + i) * c.pixels + p]);
    sum += value * value;
  }
  return c.k + c.alpha / double(c.size) * sum;
}

template <class T>
void check_case(const DevicePlugin& plugin, const Case& c) {
  const int64_t count = c.images * c.channels * c.pixels;
  Data<T> x(count, 1), y(count), dy(count, 2), dx(count);
  std::vector<double> expected(static_cast<size_t>(count)), expected_dx(static_cast<size_t>(count));
  const auto at = [&](int64_t n, int64_t ch, int64_t p) {
    return (n * c.channels + ch) * c.pixels + p;
  };
  for (int64_t n = 0; n < c.images; ++n) {
    for (int64_t p = 0; p < c.pixels; ++p) {
      for (int64_t ch = 0; ch < c.channels; ++ch) {
        const double s = scale(c, x, n, ch, p), value = double(x[at(n, ch, p)]),
                     gradient = double(dy[at(n, ch, p)]);
        expected[static_cast<size_t>(at(n, ch, p))] = value * std::pow(s, -c.beta);
        expected_dx[static_cast<size_t>(at(n, ch, p))] += gradient * std::pow(s, -c.beta);
        // d scale / d x_i = 2 alpha / size x_i for each channel i of the window.
        for (int64_t i = ch - (c.size - 1) / 2; i < ch - (c.size - 1) / 2 + c.size; ++i) {
          if (i < 0 || i >= c.channels) continue;
          expected_dx[static_cast<size_t>(at(n, i, p))] -= gradient * value * c.beta *
                                                           std::pow(s, -c.beta - 1) * 2 * c.alpha /
                                                           double(c.size) * double(x[at(n, i, p)]);
        }
      }
    }
  }
  const uint32_t dtype = device_test::dtype_of<T>();
  plugin.plan(describe("lrn_forward", c, dtype, false))->run({x.mem(), y.mem()});
  CHECK(device_test::largest_difference(y, expected) < device_test::tolerance<T>());
  const auto forward = plugin.plan(describe("lrn_forward", c, dtype, true));
  const auto backward = plugin.plan(describe("lrn_backward", c, dtype, true));
  CHECK(forward->reserve_bytes == backward->reserve_bytes);
  device_test::Bytes reserve(forward->reserve_bytes);
  forward->run({x.mem(), y.mem()}, reserve.mem());
  backward->run({x.mem(), y.mem(), dy.mem(), dx.mem()}, reserve.mem());
  CHECK(device_test::largest_difference(y, expected) < device_test::tolerance<T>());
  CHECK(device_test::largest_difference(dx, expected_dx) < device_test::tolerance<T>());
  CHECK(reserve.intact());
}

}  // namespace

TEST_CASE("lrn agrees with its formula, forward and backward, in float32 and float64") {
  for (const char* isa : {"baseline", ""}) {
    const DevicePlugin plugin(device_test::plugin_file(), 2, isa);
    for (const Case& c : {Case{2, 16, 35, 5, 1e-4, 0.75, 1}, Case{1, 3, 300, 5, 2, 0.75, 2},
                          Case{2, 9, 1, 3, 0.5, 0.6, 1}, Case{3, 7, 65, 4, 1, 1.5, 1},
                          Case{1, 1, 1, 1, 1, 0.75, 1}}) {
      CAPTURE(c.size);
      CAPTURE(isa);
      check_case<float>(plugin, c);
      check_case<double>(plugin, c);
    }
  }
}
