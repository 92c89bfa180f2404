// Buffers: which copies are current, what moves and how often, and what a failure leaves.
#include <doctest/doctest.h>

#include "core/base/error.hpp"
#include "tests/unit/memory_fake_device.hpp"

namespace dlrun::test {
namespace {

using memory::Buffer;
using memory::Residence;

dlr_tensor_desc shape(int64_t count, uint64_t layout = DLR_LAYOUT_PLAIN) {
  dlr_tensor_desc desc{};
  desc.size = sizeof desc;
  desc.dtype = DLR_F32;
  desc.rank = 1;
  desc.dim[0] = count;
  desc.layout = layout;
  return desc;
}

struct Bench {
  FakeDevice host{"host", true};
  FakeDevice near{"near"};
  FakeDevice far{"far"};
  memory::Slot slot;
  memory::TrafficMeter traffic;
  Buffer buffer{host.device, slot, traffic};

  Residence plain(FakeDevice& on, int64_t count = 3) { return {&on.device, shape(count)}; }
  Residence reversed(FakeDevice& on) { return {&on.device, shape(3, kReversed)}; }

  void write_on_host(std::vector<float> values, Buffer& to) {
    const dlr_mem mem = to.use(plain(host, static_cast<int64_t>(values.size())), DLR_WRITE);
    std::memcpy(host_address(mem), values.data(), values.size() * sizeof(float));
  }
  std::vector<float> read(const Residence& residence, FakeDevice& on) {
    const dlr_mem mem = buffer.use(residence, DLR_READ);
    std::vector<float> values(mem.bytes / sizeof(float));
    std::memcpy(values.data(), fake_address(reinterpret_cast<dlr_device*>(&on.state), mem),
                mem.bytes);
    return values;
  }
};

const std::vector<float> kValues = {1, 2, 3};
const std::vector<float> kBackwards = {3, 2, 1};

TEST_CASE("a value that was never written is zeros everywhere") {
  Bench bench;
  CHECK(bench.read(bench.plain(bench.near), bench.near) == std::vector<float>{0, 0, 0});
  CHECK(bench.read(bench.plain(bench.host), bench.host) == std::vector<float>{0, 0, 0});
}

TEST_CASE("a read moves once and keeps the other copies; a write leaves only its own") {
  Bench bench;
  bench.write_on_host(kValues, bench.buffer);
  CHECK(bench.read(bench.plain(bench.near), bench.near) == kValues);
  CHECK(bench.read(bench.plain(bench.near), bench.near) == kValues);
  CHECK(bench.traffic.to_device == 1);
  CHECK(bench.traffic.to_device_bytes == 12);
  CHECK(bench.buffer.is_current(bench.plain(bench.host)));
  bench.buffer.use(bench.plain(bench.near), DLR_READ_WRITE);
  CHECK_FALSE(bench.buffer.is_current(bench.plain(bench.host)));
  bench.read(bench.plain(bench.host), bench.host);
  CHECK(bench.traffic.to_host == 1);
  CHECK(bench.traffic.to_device == 1);
}

TEST_CASE("several layouts of one value are current together") {
  Bench bench;
  bench.write_on_host(kValues, bench.buffer);
  CHECK(bench.read(bench.reversed(bench.near), bench.near) == kBackwards);
  CHECK(bench.read(bench.plain(bench.near), bench.near) == kValues);
  CHECK(bench.traffic.conversions == 1);
  CHECK(bench.traffic.to_device == 1);
  bench.buffer.use(bench.reversed(bench.near), DLR_READ_WRITE);
  CHECK(bench.read(bench.plain(bench.host), bench.host) == kValues);
  CHECK(bench.traffic.conversions == 2);
}

TEST_CASE("from one device to another goes through the host, in both layouts") {
  Bench bench;
  bench.write_on_host(kValues, bench.buffer);
  bench.buffer.use(bench.reversed(bench.near), DLR_READ_WRITE);
  CHECK(bench.read(bench.reversed(bench.far), bench.far) == kBackwards);
  CHECK(bench.buffer.is_current(bench.plain(bench.host)));
  CHECK(bench.traffic.to_host == 1);
  CHECK(bench.traffic.to_device == 2);
}

TEST_CASE("a failed allocation leaves what there was") {
  Bench bench;
  bench.write_on_host(kValues, bench.buffer);
  bench.near.state.fail_allocation = true;
  CHECK_THROWS_AS(bench.buffer.use(bench.plain(bench.near), DLR_READ), base::Error);
  CHECK_THROWS_AS(bench.buffer.use(bench.plain(bench.near), DLR_WRITE), base::Error);
  CHECK(bench.read(bench.plain(bench.host), bench.host) == kValues);
  bench.near.state.fail_allocation = false;
  CHECK(bench.read(bench.plain(bench.near), bench.near) == kValues);
}

TEST_CASE("a failed copy leaves what there was") {
  Bench bench;
  bench.write_on_host(kValues, bench.buffer);
  bench.near.state.fail_copy = true;
  CHECK_THROWS_AS(bench.buffer.use(bench.plain(bench.near), DLR_READ), base::Error);
  CHECK_FALSE(bench.buffer.is_current(bench.plain(bench.near)));
  bench.near.state.fail_copy = false;
  CHECK(bench.read(bench.plain(bench.near), bench.near) == kValues);
}

TEST_CASE("a value whose memory was lost to a failed allocation is told, not read") {
  Bench bench;
  bench.write_on_host(kValues, bench.buffer);
  {
    Buffer larger(bench.host.device, bench.slot, bench.traffic);
    bench.host.state.fail_allocation = true;
    CHECK_THROWS_AS(larger.use(bench.plain(bench.host, 50), DLR_WRITE), base::Error);
    bench.host.state.fail_allocation = false;
  }
  CHECK_THROWS_AS(bench.buffer.use(bench.plain(bench.host), DLR_READ), base::Error);
  bench.write_on_host(kValues, bench.buffer);
  CHECK(bench.read(bench.plain(bench.host), bench.host) == kValues);
}

TEST_CASE("a zero value that can't be made is made at the next try") {
  Bench bench;
  bench.near.state.fail_allocation = true;
  CHECK_THROWS_AS(bench.buffer.use(bench.plain(bench.near), DLR_READ), base::Error);
  bench.near.state.fail_allocation = false;
  CHECK(bench.read(bench.plain(bench.near), bench.near) == std::vector<float>{0, 0, 0});
}

TEST_CASE("buffers of one slot use the same memory in turn") {
  Bench bench;
  Buffer other(bench.host.device, bench.slot, bench.traffic);
  bench.write_on_host(kValues, bench.buffer);
  bench.write_on_host({4, 5}, other);
  CHECK(bench.host.state.memory.size() == 1);
  CHECK_FALSE(bench.buffer.is_current(bench.plain(bench.host)));
}

TEST_CASE("memory is released when issued work is done, and all of it in the end") {
  FakeDevice near("near");
  const dlr_mem mem = near.device.allocate(8);
  near.device.zero(mem, 8);
  CHECK(near.state.waits == 0);
  near.device.release(mem);
  CHECK(near.state.waits == 1);
  {
    FakeDevice host("host", true);
    memory::Slot slot;
    memory::TrafficMeter traffic;
    Buffer buffer(host.device, slot, traffic);
    buffer.use({&near.device, shape(3, kReversed)}, DLR_READ);
    CHECK(near.state.memory.size() == 1);
  }
  CHECK(near.state.memory.empty());
}

}  // namespace
}  // namespace dlrun::test
