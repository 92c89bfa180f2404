// Matrix products on the opencl device against loops.
#include <cmath>
#include <limits>
#include <random>

#include "tests/unit/device_opencl_host.hpp"

using namespace device_test;

namespace {

struct Case {
  int64_t m, n, k;
  bool transpose_a, transpose_b;
  int64_t lda, ldb, ldc;
  double alpha, beta;
};

template <class Real>
std::vector<Real> random_reals(int64_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<Real> uniform(-1, 1);
  std::vector<Real> reals(static_cast<size_t>(n));
  for (Real& real : reals)
    real = uniform(generator);
  return reals;
}

// Elements that a matrix takes up; rows of `stored` may be longer than the matrix is wide.
int64_t extent(int64_t rows, int64_t cols, bool transposed, int64_t row_length) {
  return (transposed ? cols : rows) * row_length;
}

template <class Real>
std::vector<Real> expected(const Case& c, const std::vector<Real>& a, const std::vector<Real>& b,
                           std::vector<Real> out) {
  for (int64_t i = 0; i < c.m; ++i) {
    for (int64_t j = 0; j < c.n; ++j) {
      double sum = 0;
      for (int64_t l = 0; l < c.k; ++l) {
        const double x = a[static_cast<size_t>(c.transpose_a ? l * c.lda + i : i * c.lda + l)];
        const double y = b[static_cast<size_t>(c.transpose_b ? j * c.ldb + l : l * c.ldb + j)];
        sum += x * y;
      }
      Real& to = out[static_cast<size_t>(i * c.ldc + j)];
      to = static_cast<Real>(c.alpha * sum + (c.beta == 0 ? 0 : c.beta * to));
    }
  }
  return out;
}

template <class Real>
void check_case(const DevicePlugin& opencl, const Case& c, uint64_t offset) {
  CAPTURE(c.m);
  CAPTURE(c.transpose_a);
  CAPTURE(c.transpose_b);
  const std::vector<Real> a = random_reals<Real>(extent(c.m, c.k, c.transpose_a, c.lda), 1);
  const std::vector<Real> b = random_reals<Real>(extent(c.k, c.n, c.transpose_b, c.ldb), 2);
  std::vector<Real> out = random_reals<Real>(c.m * c.ldc, 3);
  if (c.beta == 0) out[0] = std::numeric_limits<Real>::quiet_NaN();  // isn't read

  const uint32_t dtype = sizeof(Real) == 4 ? DLR_F32 : DLR_F64;
  dlrun::OperatorDesc op("gemm");
  op.attribute("m", c.m).attribute("n", c.n).attribute("k", c.k);
  op.attribute("transpose_a", c.transpose_a).attribute("transpose_b", c.transpose_b);
  op.attribute("lda", c.lda).attribute("ldb", c.ldb).attribute("ldc", c.ldc);
  op.number("alpha", c.alpha).number("beta", c.beta);
  op.argument({static_cast<int64_t>(a.size())}, dtype);
  op.argument({static_cast<int64_t>(b.size())}, dtype);
  op.argument({static_cast<int64_t>(out.size())}, dtype);

  const dlr_device_type& type = opencl.type();
  std::vector<Real> padded(offset, Real(5));
  const auto with_offset = [&](const std::vector<Real>& elements) {
    std::vector<Real> all = padded;
    all.insert(all.end(), elements.begin(), elements.end());
    return all;
  };
  const DeviceMemory device_a(opencl, with_offset(a));
  const DeviceMemory device_b(opencl, with_offset(b));
  const DeviceMemory device_c(opencl, with_offset(out));
  op.with_desc([&](dlr_op_desc& desc) {
    dlr_plan* plan = nullptr;
    check(type.plan(opencl.device(), &desc, &plan));
    CHECK(desc.args[0]->layout == DLR_LAYOUT_PLAIN);
    const DeviceMemory workspace(opencl, desc.workspace_bytes + 1);
    const uint64_t at = offset * sizeof(Real);
    const dlr_mem args[] = {device_a.from(at), device_b.from(at), device_c.from(at)};
    dlr_error* error = type.run(opencl.device(), nullptr, plan, args, 3, workspace.mem(), {});
    type.destroy_plan(opencl.device(), plan);
    check(error);
  });

  const std::vector<Real> want = with_offset(expected(c, a, b, out));
  const std::vector<Real> got = device_c.elements<Real>();
  double largest = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    if (!(std::abs(got[i] - want[i]) <= largest)) largest = std::abs(got[i] - want[i]);
  }
  CHECK(largest < (sizeof(Real) == 4 ? 1e-4 : 1e-12));
}

}  // namespace

TEST_CASE("opencl multiplies float32 matrices") {
  const auto opencl = open_opencl();
  if (!opencl) return;
  for (const uint64_t offset : {0, 3}) {
    check_case<float>(*opencl, {5, 7, 9, false, false, 9, 7, 7, 1, 0}, offset);
    check_case<float>(*opencl, {5, 7, 9, true, false, 5, 7, 7, 2, 1}, offset);
    check_case<float>(*opencl, {33, 17, 65, false, true, 70, 65, 19, 0.5, -1}, offset);
    check_case<float>(*opencl, {200, 150, 300, true, true, 200, 300, 150, 1, 0}, offset);
  }
}

TEST_CASE("opencl multiplies float64 matrices") {
  const auto opencl = open_opencl();
  if (!opencl) return;
  check_case<double>(*opencl, {5, 7, 9, true, false, 5, 7, 7, 2, 1}, 3);
}

TEST_CASE("opencl says why it declines an operator") {
  const auto opencl = open_opencl();
  if (!opencl) return;
  dlrun::OperatorDesc op("softmax_forward");
  op.argument({2, 3}, DLR_F32).argument({2, 3}, DLR_F32);
  try {
    opencl->plan(op);
    FAIL("planned a softmax");
  } catch (const Refused& refused) {
    CHECK(refused.code == DLR_UNIMPLEMENTED);
    CHECK(std::string(refused.what()).find("portable kernels") != std::string::npos);
  }
}
