// The cuda device's memory, copies and streams, on the double.
#include <numeric>

#include "tests/unit/device_cuda_host.hpp"

using namespace device_test;

namespace {

std::vector<float> counted(size_t n, float first = 0) {
  std::vector<float> numbers(n);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

}  // namespace

TEST_CASE("cuda says what it is, and which devices there aren't") {
  const CudaOnDouble cuda("devices=3");
  dlr_device_info info{};
  info.size = sizeof info;
  check(cuda.type().info(cuda.device(), &info));
  CHECK(dlrun::from_abi(info.name) == "CUDA double 0");
  CHECK(info.float64 == 1);
  CHECK(info.host_memory == 0);
  uint64_t n = 0;
  dlr_string reason{};
  check(cuda.type().count(&n, &reason));
  CHECK(n == 3);
  const dlr_device_options options{sizeof options, 0, {}};
  dlr_device* device = nullptr;
  CHECK_THROWS_WITH_AS(check(cuda.type().open(3, &options, &device)),
                       doctest::Contains("there is no CUDA device 3; the last one is 2"), Refused);
}

TEST_CASE("cuda's large copies go through pinned pieces in both directions, in order") {
  const CudaOnDouble cuda;
  const dlr_device_type& type = cuda.type();
  const std::vector<float> source = counted(5'000'001);  // ten pieces, more than the ring has
  const uint64_t bytes = source.size() * sizeof(float);
  {
    const DeviceMemory a(cuda.plugin(), bytes);
    dlr_stream* stream = nullptr;
    check(type.create_stream(cuda.device(), &stream));
    std::vector<float> target(source.size());
    check(type.copy(cuda.device(), stream, a.mem(), DeviceMemory::host_mem(source), bytes));
    check(type.copy(cuda.device(), stream, DeviceMemory::host_mem(target), a.mem(), bytes));
    check(type.synchronize(cuda.device(), stream));
    CHECK(target == source);
    type.destroy_stream(cuda.device(), stream);
  }
}

TEST_CASE("cuda copies and zeroes with offsets, and refuses to leave a memory") {
  const CudaOnDouble cuda;
  const dlr_device_type& type = cuda.type();
  const DeviceMemory a(cuda.plugin(), counted(100));
  const DeviceMemory b(cuda.plugin(), counted(100, 1000));
  check(type.copy(cuda.device(), nullptr, a.from(4), b.from(8), 8));
  check(type.zero(cuda.device(), nullptr, a.from(40), 8));
  check(type.zero(cuda.device(), nullptr, a.from(80), 3));
  std::vector<float> expected = counted(100);
  expected[1] = 1002, expected[2] = 1003, expected[10] = expected[11] = 0;
  std::memset(&expected[20], 0, 3);
  CHECK(a.elements<float>() == expected);
  CHECK_THROWS_WITH_AS(check(type.copy(cuda.device(), nullptr, a.from(200), b.mem(), 400)),
                       doctest::Contains("leaves a memory of 200 bytes"), Refused);
}

TEST_CASE("cuda's streams run by themselves, and events order them") {
  for (const char* words : {"seed=1", "seed=2", "seed=3", "seed=4"}) {
    const CudaOnDouble cuda(words);
    const dlr_device_type& type = cuda.type();
    dlr_stream* first = nullptr;
    dlr_stream* second = nullptr;
    check(type.create_stream(cuda.device(), &first));
    check(type.create_stream(cuda.device(), &second));
    const std::vector<float> source = counted(1000);
    std::vector<float> target(source.size());
    const DeviceMemory a(cuda.plugin(), source.size() * sizeof(float));
    dlr_event* event = nullptr;
    for (int round = 0; round < 2; ++round) {  // the event is used again
      check(type.zero(cuda.device(), first, a.mem(), a.mem().bytes));
      check(type.copy(cuda.device(), first, a.mem(), DeviceMemory::host_mem(source), 4000));
      check(type.record(cuda.device(), first, &event));
      check(type.wait(cuda.device(), second, event));
      check(type.copy(cuda.device(), second, DeviceMemory::host_mem(target), a.mem(), 4000));
      check(type.synchronize(cuda.device(), second));
      CHECK(target == source);
    }
    check(type.synchronize(cuda.device(), nullptr));
    type.destroy_event(cuda.device(), event);
    type.destroy_stream(cuda.device(), first);
    type.destroy_stream(cuda.device(), second);
  }
}

TEST_CASE("cuda says how much memory it can't give") {
  const CudaOnDouble cuda("memory=1000000");
  dlr_mem mem{};
  CHECK_THROWS_WITH_AS(check(cuda.type().allocate(cuda.device(), 2000000, &mem)),
                       doctest::Contains("no memory for 2000000 bytes"), Refused);
}

TEST_CASE("the double notices what real libraries would not") {
  const dlrun::test::CudaDouble libraries;
  DevicePlugin plugin(dlrun::test::CudaDouble::folder() + "/device_cuda.so");
  const dlr_device_type& type = plugin.type();
  dlr_mem mem{};
  check(type.allocate(plugin.device(), 64, &mem));
  mem.bytes = 1024;  // a lie: the copy leaves what was allocated
  const std::vector<float> source = counted(100);
  CHECK_THROWS(
      check(type.copy(plugin.device(), nullptr, mem, DeviceMemory::host_mem(source), 400)));
  CHECK(libraries.problems().find("outside of what is allocated") != std::string::npos);
  type.release(plugin.device(), mem);
  type.release(plugin.device(), mem);
  CHECK(libraries.problems().find("isn't alive") != std::string::npos);
}
