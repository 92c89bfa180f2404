// The cpu device's inner products, forward and backward, against plain loops.
#include <doctest/doctest.h>

#include "tests/unit/device_cpu_reference.hpp"

namespace {

using device_test::Data;
using device_test::DevicePlugin;

struct Case {
  int64_t n, c, k;
  bool transposed, with_bias, accumulate;

  int64_t weight(int64_t output, int64_t channel) const {
    return transposed ? channel * k + output : output * c + channel;
  }
  dlrun::Shape w_shape() const { return transposed ? dlrun::Shape{c, k} : dlrun::Shape{k, c}; }
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const bool transposed : {false, true}) {
    for (const bool with_bias : {false, true}) {
      for (const bool accumulate : {false, true}) {
        all.push_back({1, 1, 1, transposed, with_bias, accumulate});
        all.push_back({1, 37, 19, transposed, with_bias, accumulate});
        all.push_back({7, 33, 10, transposed, with_bias, accumulate});
        all.push_back({16, 300, 130, transposed, with_bias, accumulate});
        all.push_back({1, 1030, 260, transposed, with_bias, accumulate});   // a small batch with
        all.push_back({16, 2100, 130, transposed, with_bias, accumulate});  // many weights
        all.push_back({29, 523, 509, transposed, with_bias, accumulate});
        all.push_back({65, 31, 50, transposed, with_bias, accumulate});
      }
    }
  }
  return all;
}

dlrun::OperatorDesc describe(const std::string& op, const Case& c) {
  dlrun::OperatorDesc desc(op);
  desc.attribute("transpose", c.transposed);
  if (c.accumulate && op != "inner_product_forward") desc.accumulate();
  return desc;
}

template <class T>
void check_forward(const DevicePlugin& plugin, const Case& c) {
  Data<T> x(c.n * c.c, 1), w(c.c * c.k, 2), bias(c.k, 3), y(c.n * c.k);
  std::vector<double> expected(static_cast<size_t>(c.n * c.k));
  for (int64_t n = 0; n < c.n; ++n) {
    for (int64_t k = 0; k < c.k; ++k) {
      double sum = c.with_bias ? double(bias[k]) : 0.0;
      for (int64_t i = 0; i < c.c; ++i)
        sum += double(x[n * c.c + i]) * double(w[c.weight(k, i)]);
      expected[static_cast<size_t>(n * c.k + k)] = sum;
    }
  }
  const uint32_t dtype = device_test::dtype_of<T>();
  dlrun::OperatorDesc op = describe("inner_product_forward", c);
  op.argument({c.n, c.c}, dtype).argument(c.w_shape(), dtype);
  c.with_bias ? op.argument({c.k}, dtype) : op.no_argument();
  op.argument({c.n, c.k}, dtype);
  plugin.plan(op)->run({x.mem(), w.mem(), c.with_bias ? bias.mem() : dlr_mem{}, y.mem()});
  CHECK(device_test::largest_difference(y, expected) < device_test::tolerance<T>());
}

template <class T>
void check_backward_data(const DevicePlugin& plugin, const Case& c) {
  Data<T> dy(c.n * c.k, 1), w(c.c * c.k, 2), dx(c.n * c.c);
  if (c.accumulate) std::fill(dx.begin(), dx.end(), T(0.25));
  std::vector<double> expected(static_cast<size_t>(c.n * c.c), c.accumulate ? 0.25 : 0.0);
  for (int64_t n = 0; n < c.n; ++n) {
    for (int64_t k = 0; k < c.k; ++k) {
      for (int64_t i = 0; i < c.c; ++i) {
        expected[static_cast<size_t>(n * c.c + i)] +=
            double(dy[n * c.k + k]) * double(w[c.weight(k, i)]);
      }
    }
  }
  const uint32_t dtype = device_test::dtype_of<T>();
  dlrun::OperatorDesc op = describe("inner_product_backward_data", c);
  op.argument({c.n, c.k}, dtype).argument(c.w_shape(), dtype).argument({c.n, c.c}, dtype);
  const auto plan = plugin.plan(op);
  CHECK(plan->accumulates == c.accumulate);
  plan->run({dy.mem(), w.mem(), dx.mem()});
  CHECK(device_test::largest_difference(dx, expected) < device_test::tolerance<T>());
}

template <class T>
void check_backward_weights(const DevicePlugin& plugin, const Case& c) {
  Data<T> x(c.n * c.c, 1), dy(c.n * c.k, 2), dw(c.c * c.k), dbias(c.k);
  if (c.accumulate) {
    std::fill(dw.begin(), dw.end(), T(0.25));
    std::fill(dbias.begin(), dbias.end(), T(0.5));
  }
  std::vector<double> expected(static_cast<size_t>(c.c * c.k), c.accumulate ? 0.25 : 0.0);
  std::vector<double> expected_bias(static_cast<size_t>(c.k), c.accumulate ? 0.5 : 0.0);
  for (int64_t n = 0; n < c.n; ++n) {
    for (int64_t k = 0; k < c.k; ++k) {
      expected_bias[static_cast<size_t>(k)] += double(dy[n * c.k + k]);
      for (int64_t i = 0; i < c.c; ++i) {
        expected[static_cast<size_t>(c.weight(k, i))] +=
            double(dy[n * c.k + k]) * double(x[n * c.c + i]);
      }
    }
  }
  const uint32_t dtype = device_test::dtype_of<T>();
  dlrun::OperatorDesc op = describe("inner_product_backward_weights", c);
  op.argument({c.n, c.c}, dtype).argument({c.n, c.k}, dtype).argument(c.w_shape(), dtype);
  c.with_bias ? op.argument({c.k}, dtype) : op.no_argument();
  plugin.plan(op)->run({x.mem(), dy.mem(), dw.mem(), c.with_bias ? dbias.mem() : dlr_mem{}});
  CHECK(device_test::largest_difference(dw, expected) < device_test::tolerance<T>());
  if (c.with_bias)
    CHECK(device_test::largest_difference(dbias, expected_bias) < device_test::tolerance<T>());
}

}  // namespace

TEST_CASE("inner products agree with plain loops, forward and backward, in float32 and float64") {
  for (const char* isa : {"baseline", ""}) {
    const DevicePlugin plugin(device_test::plugin_file(), 2, isa);
    for (const Case& c : cases()) {
      CAPTURE(c.n);
      CAPTURE(c.transposed);
      CAPTURE(isa);
      check_forward<float>(plugin, c);
      check_forward<double>(plugin, c);
      check_backward_data<float>(plugin, c);
      check_backward_data<double>(plugin, c);
      check_backward_weights<float>(plugin, c);
      check_backward_weights<double>(plugin, c);
    }
  }
}

TEST_CASE("an inner product whose shapes don't fit together is an error that shows them") {
  const DevicePlugin plugin(device_test::plugin_file());
  dlrun::OperatorDesc op("inner_product_forward");
  op.argument({2, 3}, DLR_F32).argument({5, 4}, DLR_F32).no_argument().argument({2, 5}, DLR_F32);
  CHECK(device_test::refusal(plugin, op) ==
        "not declined but: inner_product_forward: shapes 2x3, 5x4 and 2x5 don't fit together");
}
