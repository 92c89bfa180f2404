// The opencl device's memory and streams.
#include <numeric>

#include "tests/unit/device_opencl_host.hpp"

using namespace device_test;

namespace {

std::vector<float> counted(size_t n, float first = 0) {
  std::vector<float> numbers(n);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

}  // namespace

TEST_CASE("opencl says what it is") {
  const auto opencl = open_opencl();
  if (!opencl) return;
  dlr_device_info info{};
  info.size = sizeof info;
  check(opencl->type().info(opencl->device(), &info));
  CHECK(info.name.length > 0);
  CHECK(info.driver.length > 0);
  CHECK(info.memory_bytes > 0);
  CHECK(info.largest_allocation > 0);
  CHECK(info.alignment >= 64);
  CHECK(info.host_memory == 0);
}

TEST_CASE("opencl refuses a device number that there isn't") {
  const auto opencl = open_opencl();
  if (!opencl) return;
  uint64_t n = 0;
  dlr_string reason{};
  check(opencl->type().count(&n, &reason));
  CHECK(n > 0);
  CHECK(reason.length == 0);
  const dlr_device_options options{sizeof options, 0, {}};
  dlr_device* device = nullptr;
  CHECK_THROWS_WITH_AS(check(opencl->type().open(n, &options, &device)),
                       doctest::Contains("there is no OpenCL device"), Refused);
}

TEST_CASE("opencl copies in all directions, with offsets") {
  const auto opencl = open_opencl();
  if (!opencl) return;
  const dlr_device_type& type = opencl->type();
  const DeviceMemory a(*opencl, counted(100));
  const DeviceMemory b(*opencl, counted(100, 1000));

  SUBCASE("host to device") {
    const std::vector<float> source = counted(10, 50);
    dlr_mem from = DeviceMemory::host_mem(source);
    from.offset = 2 * sizeof(float);
    check(
        type.copy(opencl->device(), nullptr, a.from(20 * sizeof(float)), from, 3 * sizeof(float)));
    const std::vector<float> now = a.elements<float>();
    CHECK(now[19] == 19);
    CHECK(now[20] == 52);
    CHECK(now[22] == 54);
    CHECK(now[23] == 23);
  }
  SUBCASE("device to host") {
    std::vector<float> target(10, -1.0F);
    dlr_mem to = DeviceMemory::host_mem(target);
    to.offset = sizeof(float);
    check(type.copy(opencl->device(), nullptr, to, a.from(97 * sizeof(float)), 3 * sizeof(float)));
    CHECK(target[0] == -1);
    CHECK(target[1] == 97);
    CHECK(target[3] == 99);
    CHECK(target[4] == -1);
  }
  SUBCASE("device to device") {
    check(type.copy(opencl->device(), nullptr, a.from(4), b.from(8), 8));
    const std::vector<float> now = a.elements<float>();
    CHECK(now[0] == 0);
    CHECK(now[1] == 1002);
    CHECK(now[2] == 1003);
    CHECK(now[3] == 3);
  }
  SUBCASE("nothing") {
    check(type.copy(opencl->device(), nullptr, a.mem(), b.mem(), 0));
    CHECK(a.elements<float>() == counted(100));
  }
}

TEST_CASE("opencl refuses a copy that leaves the memory") {
  const auto opencl = open_opencl();
  if (!opencl) return;
  const DeviceMemory a(*opencl, counted(10));
  const DeviceMemory b(*opencl, counted(20));
  CHECK_THROWS_WITH_AS(check(opencl->type().copy(opencl->device(), nullptr, a.mem(), b.mem(), 80)),
                       doctest::Contains("leaves a memory of 40 bytes"), Refused);
}

TEST_CASE("opencl zeroes exactly the bytes asked for") {
  const auto opencl = open_opencl();
  if (!opencl) return;
  std::vector<unsigned char> bytes(64, 7);
  const DeviceMemory a(*opencl, bytes);
  check(opencl->type().zero(opencl->device(), nullptr, a.from(5), 9));    // not whole words
  check(opencl->type().zero(opencl->device(), nullptr, a.from(32), 16));  // whole words
  std::fill_n(bytes.begin() + 5, 9, 0);
  std::fill_n(bytes.begin() + 32, 16, 0);
  CHECK(a.elements<unsigned char>() == bytes);
}

TEST_CASE("opencl says how much memory it can't give") {
  const auto opencl = open_opencl();
  if (!opencl) return;
  dlr_mem mem{};
  try {
    check(opencl->type().allocate(opencl->device(), uint64_t{1} << 60, &mem));
    FAIL("allocated 2^60 bytes");
  } catch (const Refused& refused) {
    CHECK(refused.code == DLR_OUT_OF_MEMORY);
    CHECK(std::string(refused.what()).find("1152921504606846976 bytes") != std::string::npos);
  }
}

TEST_CASE("opencl streams keep order, and events order streams") {
  const auto opencl = open_opencl();
  if (!opencl) return;
  const dlr_device_type& type = opencl->type();
  dlr_device* device = opencl->device();
  dlr_stream* first = nullptr;
  dlr_stream* second = nullptr;
  check(type.create_stream(device, &first));
  check(type.create_stream(device, &second));
  const std::vector<float> source = counted(100000);
  const uint64_t bytes = source.size() * sizeof(float);
  const DeviceMemory a(*opencl, bytes);
  const DeviceMemory b(*opencl, bytes);
  std::vector<float> target(source.size());
  dlr_event* event = nullptr;
  for (int round = 0; round < 300; ++round) {  // more commands than a stream leaves unchecked
    check(type.zero(device, first, a.mem(), bytes));
    check(type.copy(device, first, a.mem(), DeviceMemory::host_mem(source), bytes));
    check(type.record(device, first, &event));
    check(type.wait(device, second, event));
    check(type.copy(device, second, b.mem(), a.mem(), bytes));
    check(type.record(device, second, &event));
    check(type.wait(device, first, event));
  }
  check(type.copy(device, second, DeviceMemory::host_mem(target), b.mem(), bytes));
  check(type.synchronize(device, second));
  CHECK(target == source);
  check(type.synchronize(device, nullptr));
  type.destroy_event(device, event);
  type.destroy_stream(device, second);
  type.destroy_stream(device, first);
}

TEST_CASE("opencl copies much in one stream, straight or through pinned memory") {
  const char* staging = "0";
  SUBCASE("straight") {
    staging = "0";
  }
  SUBCASE("through pinned memory, more than it holds") {
    staging = "1";
  }
  setenv("DLRUN_OPENCL_STAGING", staging, 1);
  const auto opencl = open_opencl();
  if (!opencl) return;
  const dlr_device_type& type = opencl->type();
  dlr_device* device = opencl->device();
  dlr_stream* stream = nullptr;
  check(type.create_stream(device, &stream));
  std::vector<float> source(7'000'001);  // 28 MB
  for (size_t i = 0; i < source.size(); ++i)
    source[i] = static_cast<float>(i % 1000003);
  const std::vector<float> kept = source;
  std::vector<float> target(source.size());
  const DeviceMemory memory(*opencl, source.size() * sizeof(float));
  const uint64_t bytes = source.size() * sizeof(float);
  check(type.copy(device, stream, memory.mem(), DeviceMemory::host_mem(source), bytes));
  check(type.copy(device, stream, DeviceMemory::host_mem(target), memory.mem(), bytes));
  // What one copy brings, the next takes up.
  check(type.copy(device, stream, memory.mem(), DeviceMemory::host_mem(target), bytes));
  check(type.synchronize(device, stream));
  CHECK(target == kept);
  CHECK(memory.elements<float>() == kept);
  type.destroy_stream(device, stream);
  unsetenv("DLRUN_OPENCL_STAGING");
}
