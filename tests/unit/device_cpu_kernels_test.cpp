// The cpu device's memory, and how it chooses and runs the kernels of layers.
#include <doctest/doctest.h>

#include <atomic>

#include "tests/unit/device_cpu_reference.hpp"

namespace {

using device_test::DevicePlugin;

// Each entry writes its own number, so that a test sees which one ran.
template <int kNumber>
void write_number(const dlr_kernel_arg* args, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    dlrun::address<int32_t>(args[0].mem)[i] += kNumber;
}

const dlr_cpu_variant kBaseline{sizeof(dlr_cpu_variant), dlrun::to_abi("baseline"), write_number<1>,
                                write_number<2>,         write_number<3>,           nullptr};
const dlr_cpu_variant kAvx2{
    sizeof(dlr_cpu_variant), dlrun::to_abi("avx2"), write_number<4>, nullptr, nullptr, nullptr};
const dlr_cpu_variant* const kVariants[] = {&kBaseline, &kAvx2};

dlr_kernel test_kernel() {
  dlr_kernel kernel{};
  kernel.size = sizeof kernel;
  kernel.name = dlrun::to_abi("number");
  kernel.variants = kVariants;
  kernel.n_variants = 2;
  return kernel;
}

// What one launch over `items` items adds to each; -1 when not to each the same.
int32_t launched(const DevicePlugin& plugin, uint32_t dtype, uint32_t bits, int64_t items,
                 int64_t width) {
  const dlr_kernel kernel = test_kernel();
  dlr_built_kernel* built = nullptr;
  device_test::check(plugin.type().build_kernel(plugin.device(), &kernel, dtype, bits, &built));
  std::vector<int32_t> out(static_cast<size_t>(items));
  dlr_kernel_arg arg{};
  arg.mem = {DLR_SPACE_HOST, reinterpret_cast<uintptr_t>(out.data()), 0,
             out.size() * sizeof(int32_t)};
  device_test::check(plugin.type().launch(plugin.device(), nullptr, built, items, width, &arg, 1));
  plugin.type().release_kernel(plugin.device(), built);
  for (const int32_t value : out) {
    if (value != out[0]) return -1;
  }
  return out[0];
}

bool has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

}  // namespace

TEST_CASE(
    "a kernel runs in its build for the element type, the index width and the best instruction "
    "set") {
  const DevicePlugin baseline(device_test::plugin_file(), 2, "baseline");
  CHECK(launched(baseline, DLR_F32, 32, 7, 1) == 1);
  CHECK(launched(baseline, DLR_F64, 32, 7, 1) == 2);
  CHECK(launched(baseline, DLR_F32, 64, 7, 1) == 3);
  const DevicePlugin best(device_test::plugin_file(), 2);
  CHECK(launched(best, DLR_F32, 32, 7, 1) == (has_avx2() ? 4 : 1));
  CHECK(launched(best, DLR_F64, 32, 7, 1) == 2);
}

TEST_CASE("a launch runs each item once, whatever the number and width of items") {
  const DevicePlugin plugin(device_test::plugin_file(), 2, "baseline");
  for (const int64_t items : {1, 2, 3, 1000, 100000}) {
    for (const int64_t width : {1, 100, 1000000})
      CHECK(launched(plugin, DLR_F32, 32, items, width) == 1);
  }
}

TEST_CASE("a kernel without a CPU build for the type is declined by name") {
  const DevicePlugin plugin(device_test::plugin_file());
  try {
    launched(plugin, DLR_F64, 64, 1, 1);
    FAIL("not declined");
  } catch (const device_test::Refused& refused) {
    CHECK(refused.code == DLR_UNIMPLEMENTED);
    CHECK(std::string(refused.what()) ==
          "kernel 'number' has no CPU build for f64 with indices of 64 bits");
  }
}

TEST_CASE("memory is aligned as the device says, and copies and zeroes behind offsets") {
  const DevicePlugin plugin(device_test::plugin_file());
  dlr_device_info info{};
  info.size = sizeof info;
  device_test::check(plugin.type().info(plugin.device(), &info));
  CHECK(info.host_memory == 1);
  CHECK(info.float64 == 1);
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, uint64_t{100}, uint64_t{5} << 20}) {
    dlr_mem mem{};
    device_test::check(plugin.type().allocate(plugin.device(), bytes, &mem));
    CHECK(mem.space == DLR_SPACE_HOST);
    CHECK(mem.handle != 0);
    CHECK(mem.handle % info.alignment == 0);
    plugin.type().release(plugin.device(), mem);
  }
  std::vector<unsigned char> from{1, 2, 3, 4, 5, 6}, to(6, 9);
  const auto mem = [](std::vector<unsigned char>& v, uint64_t offset) {
    return dlr_mem{DLR_SPACE_HOST, reinterpret_cast<uintptr_t>(v.data()), offset,
                   v.size() - offset};
  };
  device_test::check(plugin.type().copy(plugin.device(), nullptr, mem(to, 1), mem(from, 2), 3));
  CHECK(to == std::vector<unsigned char>{9, 3, 4, 5, 9, 9});
  device_test::check(plugin.type().zero(plugin.device(), nullptr, mem(to, 2), 2));
  CHECK(to == std::vector<unsigned char>{9, 3, 0, 0, 9, 9});
}

TEST_CASE("an unknown instruction set is an error that lists the known ones") {
  CHECK_THROWS_WITH(DevicePlugin(device_test::plugin_file(), 0, "mmx"),
                    "unknown instruction set 'mmx'; known are baseline, avx2 and avx512");
}

TEST_CASE("the device's name tells its threads and instruction set") {
  const DevicePlugin plugin(device_test::plugin_file(), 3, "baseline");
  dlr_device_info info{};
  info.size = sizeof info;
  device_test::check(plugin.type().info(plugin.device(), &info));
  const std::string name(dlrun::from_abi(info.name));
  CHECK(name.find(", 3 threads, baseline") != std::string::npos);
}
