// Rules D9 to D11: wrong calls, objects that end in any order, and two devices at once.
#include <fmt/format.h>

#include <array>

#include "core/conform/device/checks.hpp"
#include "core/conform/raw_device.hpp"
#include "core/conform/runner.hpp"
#include "core/conform/two_threads.hpp"

namespace dlrun::conform {
namespace {

constexpr uint64_t kBytes = 1000;

// What the device still does right after something went wrong.
void require_works(RawDevice& device, const std::string& behind) {
  const dlr_mem a = device.allocate(kBytes);
  const dlr_mem b = device.allocate(kBytes);
  device.put(a, pattern(kBytes, 11));
  require_ok(device.type().copy(device.handle(), device.stream(), b, a, kBytes), "copy");
  require_bytes(device.get(b, kBytes), pattern(kBytes, 11), "a copy behind " + behind);
  device.release(a);
  device.release(b);
}

// An error may come with the call, or late with synchronize.
void require_refused(RawDevice& device, dlr_error* error, const std::string& call) {
  const uint32_t code = code_of(error);
  const uint32_t late = code_of(device.type().synchronize(device.handle(), device.stream()));
  if (code == 0 && late == 0) fail(call + " succeeded", "an error");
  require_works(device, call);
}

}  // namespace

void check_beyond_memory(const dlr_device_type& type) {
  RawDevice device(type);
  const dlr_mem a = device.allocate(kBytes);
  const dlr_mem b = device.allocate(2 * kBytes);
  Bytes host(2 * kBytes, 1);
  const dlr_mem from_host = host_memory(host.data(), host.size());
  const dlr_mem short_a = behind(a, 0, kBytes);
  dlr_stream* const stream = device.stream();
  const auto copy = [&](dlr_mem to, dlr_mem from) {
    return type.copy(device.handle(), stream, to, from, kBytes + 1);
  };
  require_refused(device, copy(short_a, from_host), "a copy of more than the memory has, to it");
  require_refused(device, copy(from_host, short_a), "a copy of more than the memory has, from it");
  require_refused(device, copy(short_a, b), "a copy within it of more than the memory has");
  require_refused(device, type.zero(device.handle(), stream, short_a, kBytes + 1),
                  "zero of more than the memory has");
}

void check_any_order(const dlr_device_type& type) {
  RawDevice device(type);
  std::vector<dlr_mem> mems;
  for (unsigned i = 0; i < 9; ++i) {
    mems.push_back(device.allocate(kBytes));
    device.put(mems.back(), pattern(kBytes, i));
  }
  // The oldest, the youngest and those between.
  std::vector<bool> gone(mems.size(), false);
  for (const unsigned released : {0u, 8u, 4u, 7u, 1u}) {
    device.release(mems[released]);
    gone[released] = true;
    for (unsigned i = 0; i < mems.size(); ++i) {
      if (!gone[i])
        require_bytes(device.get(mems[i], kBytes), pattern(kBytes, i),
                      fmt::format("memory {} when memory {} was released", i, released));
    }
  }
  std::array<dlr_stream*, 3> streams{};
  for (dlr_stream*& stream : streams)
    require_ok(type.create_stream(device.handle(), &stream), "create_stream");
  if (DLR_HAS(&type, wait) && type.wait != nullptr) {
    dlr_event* waited = nullptr;
    dlr_event* unused = nullptr;
    require_ok(type.record(device.handle(), streams[0], &waited), "record");
    require_ok(type.record(device.handle(), streams[1], &unused), "record");
    require_ok(type.record(device.handle(), streams[2], &waited), "record of an event again");
    require_ok(type.wait(device.handle(), streams[1], waited), "wait");
    require_ok(type.synchronize(device.handle(), nullptr), "synchronize");
    type.destroy_event(device.handle(), unused);  // nobody waited for it
    require_works(device, "an event that nobody waited for");
    type.destroy_event(device.handle(), waited);
  }
  for (const int index : {1, 2, 0})
    type.destroy_stream(device.handle(), streams[static_cast<std::size_t>(index)]);
  require_works(device, "streams that ended out of order");
}

namespace {

// Fills, moves and reads again and again; throws what is wrong.
void work_on(RawDevice& device, unsigned seed) {
  constexpr int kRounds = 40;
  const uint64_t bytes = 20000;
  for (int round = 0; round < kRounds; ++round) {
    const dlr_mem a = device.allocate(bytes);
    const dlr_mem b = device.allocate(bytes);
    const Bytes values = pattern(bytes, seed + static_cast<unsigned>(round));
    device.put(a, values);
    require_ok(device.type().copy(device.handle(), device.stream(), b, a, bytes), "copy");
    require_ok(device.type().zero(device.handle(), device.stream(), a, bytes), "zero");
    device.synchronize();
    require_bytes(device.get(b, bytes), values, "what was copied beside another device");
    require_bytes(device.get(a, bytes), Bytes(bytes, 0), "what was zeroed beside another device");
    device.release(b);
    device.release(a);
  }
}

}  // namespace

void check_two_at_once(const dlr_device_type& type) {
  RawDevice first(type);
  RawDevice second(type);
  const dlr_mem of_first = first.allocate(kBytes);
  const dlr_mem of_second = second.allocate(kBytes);
  if (first.info().host_memory == 0 && of_first.space == of_second.space)
    fail(fmt::format("both allocate in space {}", of_first.space), "a space for each open device");
  first.put(of_first, pattern(kBytes, 1));
  second.put(of_second, pattern(kBytes, 2));
  require_bytes(first.get(of_first, kBytes), pattern(kBytes, 1), "the first device's memory");
  in_threads(2, [&](int i) { work_on(i == 0 ? first : second, 100 * static_cast<unsigned>(i)); });
  first.release(of_first);
  require_bytes(second.get(of_second, kBytes), pattern(kBytes, 2),
                "a memory when the other device released its own");
}

}  // namespace dlrun::conform
