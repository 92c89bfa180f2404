// Kernels on the opencl device against the CPU build of the same text.
#define DLR_KERNEL_FILE "tests/unit/device_opencl_kernels.kernel.h"
#include <dlrun/kernel_build.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/unit/device_opencl_host.hpp"
#include "tests/unit/roots.hpp"

using namespace device_test;

namespace {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A kernel as a plugin would provide it.
class TestKernel {
 public:
  explicit TestKernel(std::string name, std::string source = {}) : name_(std::move(name)) {
    source_ = source.empty() ? read_text(dlrun::test::source_root() + "/" DLR_KERNEL_FILE) : source;
    const size_t begin = source_.find("(" + name_ + ",") + name_.size() + 2;
    parameters_ = source_.substr(begin, source_.find(") {", begin) - begin);
    kernel_.size = sizeof kernel_;
    kernel_.name = dlrun::to_abi(name_);
    kernel_.parameters = dlrun::to_abi(parameters_);
    kernel_.source = dlrun::to_abi(source_);
  }
  TestKernel(const TestKernel&) = delete;
  TestKernel& operator=(const TestKernel&) = delete;

  void run(const DevicePlugin& plugin, uint32_t dtype, int64_t items, int64_t width,
           const std::vector<dlr_kernel_arg>& args, uint32_t index_bits = 32) const {
    const dlr_device_type& type = plugin.type();
    dlr_built_kernel* built = nullptr;
    check(type.build_kernel(plugin.device(), &kernel_, dtype, index_bits, &built));
    dlr_error* error = type.launch(plugin.device(), nullptr, built, items, width, args.data(),
                                   static_cast<uint32_t>(args.size()));
    type.release_kernel(plugin.device(), built);
    check(error);
  }

 private:
  std::string name_;
  std::string source_;
  std::string parameters_;
  dlr_kernel kernel_{};
};

// The device, with the folder for its kernels made before it looks for that.
std::unique_ptr<DevicePlugin> open_with_folder() {
  dlrun::test::CacheFolder::of_process();
  return open_opencl();
}

dlr_kernel_arg memory(dlr_mem mem) {
  return {mem, 0, 0};
}
template <class T>
dlr_kernel_arg memory(const std::vector<T>& elements) {
  return memory(DeviceMemory::host_mem(elements));
}
dlr_kernel_arg number(double real) {
  return {{}, real, 0};
}
dlr_kernel_arg integer(int64_t integer) {
  return {{}, 0, integer};
}

template <class Real>
std::vector<Real> random_reals(size_t n) {
  std::mt19937 generator(7);
  std::normal_distribution<Real> normal;
  std::vector<Real> reals(n);
  for (Real& real : reals)
    real = normal(generator);
  return reals;
}

template <class Real>
double largest_difference(const std::vector<Real>& a, const std::vector<Real>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(std::abs(a[i] - b[i]) <= largest)) largest = std::abs(a[i] - b[i]);
  }
  return largest;
}

// The CPU's functions for one element type.
struct Float32 {
  using Real = float;
  static constexpr uint32_t kDtype = DLR_F32;
  static constexpr double kTolerance = 2e-6;
  static constexpr dlr_cpu_entry kWave = kernels::baseline::f32::test_wave_entry;
  static constexpr dlr_cpu_entry kScale = kernels::baseline::f32::test_scale_columns_entry;
  static constexpr dlr_cpu_entry kReduce = kernels::baseline::f32::test_reduce_entry;
};
struct Float64 {
  using Real = double;
  static constexpr uint32_t kDtype = DLR_F64;
  static constexpr double kTolerance = 1e-14;
  static constexpr dlr_cpu_entry kWave = kernels::baseline::f64::test_wave_entry;
  static constexpr dlr_cpu_entry kScale = kernels::baseline::f64::test_scale_columns_entry;
  static constexpr dlr_cpu_entry kReduce = kernels::baseline::f64::test_reduce_entry;
};

}  // namespace

TEST_CASE_TEMPLATE("opencl runs kernels over elements", Type, Float32, Float64) {
  using Real = typename Type::Real;
  const auto opencl = open_with_folder();
  if (!opencl) return;
  const std::vector<Real> x = random_reals<Real>(1003);
  std::vector<Real> expected(x.size());
  const dlr_kernel_arg cpu[] = {memory(x), memory(expected), number(0.3)};
  Type::kWave(cpu, 0, 1003);

  const DeviceMemory device_x(*opencl, x);
  const DeviceMemory device_y(*opencl, std::vector<Real>(x.size() + 5, Real(9)));
  for (const uint32_t index_bits : {32U, 64U}) {
    TestKernel("test_wave")
        .run(*opencl, Type::kDtype, 1003, 1,
             {memory(device_x.mem()), memory(device_y.from(3 * sizeof(Real))), number(0.3)},
             index_bits);
    const std::vector<Real> y = device_y.elements<Real>();
    CHECK(y[2] == 9);     // before the offset
    CHECK(y[1006] == 9);  // behind the last item
    CHECK(largest_difference({y.begin() + 3, y.end() - 2}, expected) < Type::kTolerance);
  }
}

TEST_CASE_TEMPLATE("opencl runs kernels over rows, with absent arguments", Type, Float32, Float64) {
  using Real = typename Type::Real;
  const auto opencl = open_with_folder();
  if (!opencl) return;
  const std::vector<Real> x = random_reals<Real>(37 * 53);
  const std::vector<Real> scale = random_reals<Real>(53);
  std::vector<Real> expected(x.size());
  const dlr_kernel_arg cpu[] = {memory(x), memory(scale), memory(expected), integer(53)};
  Type::kScale(cpu, 0, 37);

  const DeviceMemory device_x(*opencl, x);
  const DeviceMemory device_scale(*opencl, scale);
  const DeviceMemory device_y(*opencl, x.size() * sizeof(Real));
  const TestKernel kernel("test_scale_columns");
  kernel.run(
      *opencl, Type::kDtype, 37, 53,
      {memory(device_x.mem()), memory(device_scale.mem()), memory(device_y.mem()), integer(53)});
  CHECK(largest_difference(device_y.elements<Real>(), expected) == 0);
  kernel.run(*opencl, Type::kDtype, 37, 53,
             {memory(device_x.mem()), memory(dlr_mem{}), memory(device_y.mem()), integer(53)});
  CHECK(device_y.elements<Real>() == x);
}

TEST_CASE_TEMPLATE("opencl reduces over groups of any width", Type, Float32, Float64) {
  using Real = typename Type::Real;
  const auto opencl = open_with_folder();
  if (!opencl) return;
  for (const int64_t n : {1, 3, 64, 257, 5000}) {
    CAPTURE(n);
    constexpr int64_t kRows = 11;
    const std::vector<Real> x = random_reals<Real>(static_cast<size_t>(kRows * n));
    std::vector<Real> sum(kRows);
    std::vector<Real> most(kRows);
    const dlr_kernel_arg cpu[] = {memory(x), memory(sum), memory(most), integer(n)};
    Type::kReduce(cpu, 0, kRows);

    const DeviceMemory device_x(*opencl, x);
    const DeviceMemory device_sum(*opencl, kRows * sizeof(Real));
    const DeviceMemory device_most(*opencl, kRows * sizeof(Real));
    const TestKernel kernel("test_reduce");
    const std::vector<dlr_kernel_arg> args = {memory(device_x.mem()), memory(device_sum.mem()),
                                              memory(device_most.mem()), integer(n)};
    kernel.run(*opencl, Type::kDtype, kRows, n, args);
    const std::vector<Real> first_sum = device_sum.elements<Real>();
    CHECK(largest_difference(first_sum, sum) < Type::kTolerance * static_cast<double>(n + 10));
    CHECK(device_most.elements<Real>() == most);
    kernel.run(*opencl, Type::kDtype, kRows, n, args);
    CHECK(device_sum.elements<Real>() == first_sum);  // to the bit
  }
}

TEST_CASE("opencl draws the random numbers that the CPU draws") {
  const auto opencl = open_with_folder();
  if (!opencl) return;
  std::vector<uint32_t> expected(1000);
  const dlr_kernel_arg cpu[] = {memory(expected), integer(-5), integer(0x123456789abcdef)};
  kernels::baseline::f32::test_random_entry(cpu, 0, 1000);
  const DeviceMemory bits(*opencl, expected.size() * sizeof(uint32_t));
  TestKernel("test_random")
      .run(*opencl, DLR_F32, 1000, 1,
           {memory(bits.mem()), integer(-5), integer(0x123456789abcdef)});
  CHECK(bits.elements<uint32_t>() == expected);
}

TEST_CASE_TEMPLATE("opencl passes every kind of scalar and adds atomically", Type, Float32,
                   Float64) {
  using Real = typename Type::Real;
  const auto opencl = open_with_folder();
  if (!opencl) return;
  const DeviceMemory y(*opencl, 5 * sizeof(Real));
  TestKernel("test_scalars")
      .run(*opencl, Type::kDtype, 5, 1,
           {memory(y.mem()), number(0.5), integer(-2), integer(-40), integer(4000000000),
            integer(int64_t{1} << 40)});
  CHECK(y.elements<Real>() ==
        std::vector<Real>(5, static_cast<Real>(0.5 - 42 + 4e9 + 1099511627776.0)));

  const DeviceMemory values(*opencl, std::vector<Real>(9000, Real(1)));
  check(opencl->type().zero(opencl->device(), nullptr, y.mem(), 5 * sizeof(Real)));
  TestKernel("test_count")
      .run(*opencl, Type::kDtype, 9000, 1, {memory(values.mem()), memory(y.mem()), integer(5)});
  CHECK(y.elements<Real>() == std::vector<Real>(5, Real(1800)));
}

TEST_CASE("opencl shows what the compiler says, with the kernel file's lines") {
  const auto opencl = open_with_folder();
  if (!opencl) return;
  const TestKernel broken(
      "broken", "\n\nDLR_KERNEL(broken, DLR_OUT(real) y) {\n  DLR_FOR(i) y[i] = nowhere;\n}\n");
  const DeviceMemory y(*opencl, 4);
  CHECK_THROWS_WITH_AS(broken.run(*opencl, DLR_F32, 1, 1, {memory(y.mem())}),
                       doctest::Contains("nowhere"), Refused);
  CHECK_THROWS_WITH_AS(broken.run(*opencl, DLR_F32, 1, 1, {memory(y.mem())}),
                       doctest::Contains("broken:4:"), Refused);
}

TEST_CASE(
    "opencl refuses a launch with the wrong number of arguments, or too long for its indices") {
  const auto opencl = open_with_folder();
  if (!opencl) return;
  const DeviceMemory y(*opencl, 4);
  CHECK_THROWS_WITH_AS(TestKernel("test_wave").run(*opencl, DLR_F32, 1, 1, {memory(y.mem())}),
                       doctest::Contains("takes 3 arguments, not 1"), Refused);
  CHECK_THROWS_WITH_AS(TestKernel("test_wave")
                           .run(*opencl, DLR_F32, int64_t{1} << 31, 1,
                                {memory(y.mem()), memory(y.mem()), number(0)}),
                       doctest::Contains("32-bit indices"), Refused);
}
