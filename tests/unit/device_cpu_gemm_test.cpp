// The cpu device's gemm against plain loops, with transposition, leading dimensions, alpha and
// beta.
#include <doctest/doctest.h>

#include "tests/unit/device_cpu_reference.hpp"

namespace {

using device_test::DevicePlugin;

struct Case {
  int64_t m, n, k;
  bool transpose_a, transpose_b;
  int64_t extra;  // added to each leading dimension
  double alpha, beta;
};

dlrun::OperatorDesc describe(const Case& c, uint32_t dtype, int64_t lda, int64_t ldb, int64_t ldc) {
  dlrun::OperatorDesc op("gemm");
  op.attribute("m", c.m).attribute("n", c.n).attribute("k", c.k);
  op.attribute("transpose_a", c.transpose_a).attribute("transpose_b", c.transpose_b);
  op.attribute("lda", lda).attribute("ldb", ldb).attribute("ldc", ldc);
  op.number("alpha", c.alpha).number("beta", c.beta);
  op.argument({c.transpose_a ? c.k : c.m, lda}, dtype)
      .argument({c.transpose_b ? c.n : c.k, ldb}, dtype);
  op.argument({c.m, ldc}, dtype);
  return op;
}

template <class T>
void check_case(const DevicePlugin& plugin, const Case& c) {
  const int64_t lda = (c.transpose_a ? c.m : c.k) + c.extra;
  const int64_t ldb = (c.transpose_b ? c.k : c.n) + c.extra;
  const int64_t ldc = c.n + c.extra;
  device_test::Data<T> a((c.transpose_a ? c.k : c.m) * lda, 1),
      b((c.transpose_b ? c.n : c.k) * ldb, 2);
  device_test::Data<T> out(c.m * ldc, 3);
  std::vector<double> expected(out.begin(), out.end());
  for (int64_t i = 0; i < c.m; ++i) {
    for (int64_t j = 0; j < c.n; ++j) {
      double sum = 0;
      for (int64_t l = 0; l < c.k; ++l) {
        sum += double(c.transpose_a ? a[l * lda + i] : a[i * lda + l]) *
               double(c.transpose_b ? b[j * ldb + l] : b[l * ldb + j]);
      }
      double& to = expected[i * ldc + j];
      to = c.alpha * sum + (c.beta == 0 ? 0 : c.beta * to);
    }
  }
  const auto plan = plugin.plan(describe(c, device_test::dtype_of<T>(), lda, ldb, ldc));
  plan->run({a.mem(), b.mem(), out.mem()});
  CHECK(device_test::largest_difference(out, expected) < device_test::tolerance<T>());
}

}  // namespace

TEST_CASE(
    "gemm agrees with plain loops for every transposition, alpha, beta and leading dimension") {
  const DevicePlugin plugin(device_test::plugin_file());
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      for (const int64_t extra : {0, 3}) {
        for (const double beta : {0.0, 1.0, -0.5}) {
          for (const Case& c : {Case{7, 5, 3, transpose_a, transpose_b, extra, 1, beta},
                                Case{1, 33, 17, transpose_a, transpose_b, extra, 0.5, beta},
                                Case{64, 50, 129, transpose_a, transpose_b, extra, 1, beta}}) {
            check_case<float>(plugin, c);
            check_case<double>(plugin, c);
          }
        }
      }
    }
  }
}

TEST_CASE("gemm leaves what beta 0 overwrites unread") {
  const DevicePlugin plugin(device_test::plugin_file());
  device_test::Data<float> a(6, 1), b(6, 2);
  device_test::Bytes out(4 * sizeof(float));  // full of NaN
  plugin.plan(dlrun::Gemm{2, 2, 3}.desc(DLR_F32))->run({a.mem(), b.mem(), out.mem()});
  for (int i = 0; i < 4; ++i)
    CHECK(std::isfinite(out.as<float>()[i]));
}

TEST_CASE("an operator that the cpu device doesn't know is declined by name") {
  const DevicePlugin plugin(device_test::plugin_file());
  dlrun::OperatorDesc op("fourier_transform");
  op.argument({4}, DLR_F32);
  CHECK(device_test::refusal(plugin, op) == "the cpu device has no operator 'fourier_transform'");
}

TEST_CASE("gemm of integers is declined with the reason") {
  const DevicePlugin plugin(device_test::plugin_file());
  CHECK(device_test::refusal(plugin, dlrun::Gemm{2, 2, 2}.desc(DLR_I32)) ==
        "the cpu device computes in float32 and float64 only");
}
