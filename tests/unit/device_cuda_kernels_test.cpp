// Kernels on the cuda device, on the double: how arguments are packed and grids are made. The code
// that a GPU would run is compiled by device_cuda_compile_test.cpp.
#define DLR_KERNEL_FILE "tests/unit/device_opencl_kernels.kernel.h"
#include <dlrun/kernel_build.h>

#include <fstream>
#include <iterator>

#include "tests/unit/device_cuda_host.hpp"
#include "tests/unit/roots.hpp"

using namespace device_test;

namespace {

// A kernel as a plugin would provide it, with its CPU build, which the double runs.
class TestKernel {
 public:
  TestKernel(std::string name, dlr_cpu_variant build) : name_(std::move(name)), build_(build) {
    std::ifstream file(dlrun::test::source_root() + "/" DLR_KERNEL_FILE);
    source_ = {std::istreambuf_iterator<char>(file), {}};
    const size_t begin = source_.find("(" + name_ + ",") + name_.size() + 2;
    parameters_ = source_.substr(begin, source_.find(") {", begin) - begin);
    kernel_.size = sizeof kernel_;
    kernel_.name = dlrun::to_abi(name_);
    kernel_.parameters = dlrun::to_abi(parameters_);
    kernel_.source = dlrun::to_abi(source_);
    kernel_.variants = &variants_;
    kernel_.n_variants = 1;
  }
  TestKernel(const TestKernel&) = delete;
  TestKernel& operator=(const TestKernel&) = delete;
  const dlr_kernel& kernel() const { return kernel_; }

  void run(const CudaOnDouble& cuda, uint32_t dtype, uint32_t index_bits, int64_t items,
           int64_t width, const std::vector<dlr_kernel_arg>& args) const {
    dlr_built_kernel* built = nullptr;
    check(cuda.type().build_kernel(cuda.device(), &kernel_, dtype, index_bits, &built));
    dlr_error* error = cuda.type().launch(cuda.device(), nullptr, built, items, width, args.data(),
                                          static_cast<uint32_t>(args.size()));
    cuda.type().release_kernel(cuda.device(), built);
    check(error);
  }

 private:
  std::string name_;
  std::string source_;
  std::string parameters_;
  dlr_cpu_variant build_;
  const dlr_cpu_variant* variants_ = &build_;
  dlr_kernel kernel_{};
};

#define TEST_KERNEL(name)                                       \
  TestKernel(#name, {sizeof(dlr_cpu_variant),                   \
                     {"baseline", 8},                           \
                     kernels::baseline::f32::name##_entry,      \
                     kernels::baseline::f64::name##_entry,      \
                     kernels::baseline::f32_wide::name##_entry, \
                     kernels::baseline::f64_wide::name##_entry})

// Known to the double for as long as the process lives.
const TestKernel& scalars() {
  static const TestKernel kernel = TEST_KERNEL(test_scalars);
  return kernel;
}
const TestKernel& scale_columns() {
  static const TestKernel kernel = TEST_KERNEL(test_scale_columns);
  return kernel;
}
const TestKernel& reduce() {
  static const TestKernel kernel = TEST_KERNEL(test_reduce);
  return kernel;
}

dlr_kernel_arg memory(dlr_mem mem) {
  return {mem, 0, 0};
}
dlr_kernel_arg number(double real) {
  return {{}, real, 0};
}
dlr_kernel_arg integer(int64_t integer) {
  return {{}, 0, integer};
}

}  // namespace

TEST_CASE_TEMPLATE("cuda packs scalars of every type as the kernel reads them", Real, float,
                   double) {
  const CudaOnDouble cuda;
  cuda.libraries().add(scalars().kernel());
  const uint32_t dtype = sizeof(Real) == 4 ? DLR_F32 : DLR_F64;
  for (const uint32_t index_bits : {32U, 64U}) {
    const DeviceMemory y(cuda.plugin(), std::vector<Real>(8, Real(-1)));
    scalars().run(cuda, dtype, index_bits, 3, 1,
                  {memory(y.from(2 * sizeof(Real))), number(0.5), integer(-10), integer(-200),
                   integer(3000), integer(40000)});
    CHECK(y.elements<Real>() == std::vector<Real>{-1, -1, 42790.5, 42790.5, 42790.5, -1, -1, -1});
  }
}

TEST_CASE("cuda runs rows, absent arguments and groups") {
  const CudaOnDouble cuda;
  cuda.libraries().add(scale_columns().kernel());
  cuda.libraries().add(reduce().kernel());
  const DeviceMemory x(cuda.plugin(), std::vector<float>{1, 2, 3, 4, 5, 6});
  const DeviceMemory scale(cuda.plugin(), std::vector<float>{10, 100, 1000});
  const DeviceMemory y(cuda.plugin(), std::vector<float>(6));
  const DeviceMemory most(cuda.plugin(), std::vector<float>(2));
  scale_columns().run(cuda, DLR_F32, 32, 2, 3,
                      {memory(x.mem()), memory(scale.mem()), memory(y.mem()), integer(3)});
  CHECK(y.elements<float>() == std::vector<float>{10, 200, 3000, 40, 500, 6000});
  scale_columns().run(cuda, DLR_F32, 32, 2, 3,
                      {memory(x.mem()), memory({}), memory(y.mem()), integer(3)});
  CHECK(y.elements<float>() == x.elements<float>());
  reduce().run(cuda, DLR_F32, 64, 2, 3,
               {memory(x.mem()), memory(y.mem()), memory(most.mem()), integer(3)});
  CHECK(most.elements<float>() == std::vector<float>{3, 6});
}

TEST_CASE("cuda refuses a wrong number of arguments, and too many elements for 32 bits") {
  const CudaOnDouble cuda;
  cuda.libraries().add(scalars().kernel());
  CHECK_THROWS_WITH_AS(scalars().run(cuda, DLR_F32, 32, 3, 1, {number(1)}),
                       doctest::Contains("takes 6 arguments, not 1"), Refused);
  const std::vector<dlr_kernel_arg> args(6);
  CHECK_THROWS_WITH_AS(scalars().run(cuda, DLR_F32, 32, int64_t{1} << 31, 1, args),
                       doctest::Contains("32-bit indices can't run over 2147483648"), Refused);
}
