// Rules D: a device's memory, streams and events.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/conform/device/checks.hpp"
#include "core/conform/leaks.hpp"
#include "core/conform/parts.hpp"
#include "core/conform/raw_device.hpp"

namespace dlrun::conform {
namespace {

constexpr std::array<uint64_t, 8> kSizes = {1, 3, 4, 17, 64, 1000, 4097, 300001};

void check_opening(const dlr_device_type& type) {
  const uint64_t n = count_devices(type);
  for (int round = 0; round < 3; ++round) {
    RawDevice first(type);
    RawDevice second(type);  // two at once
    if (first.info().name.length == 0) fail("info gives no name", "a name");
    const uint64_t alignment = first.info().alignment;
    if (alignment == 0 || (alignment & (alignment - 1)) != 0)
      fail(fmt::format("info gives the alignment {}", alignment), "a power of two");
  }
  const dlr_device_options options = {sizeof(dlr_device_options), 0, {"", 0}};
  dlr_device* none = nullptr;
  if (code_of(type.open(n + 1000, &options, &none)) == 0)
    fail("open of a device beyond count succeeded", "an error");
}

void check_info(const dlr_device_type& type) {
  const RawDevice device(type);
  const auto& reserved = device.info().reserved;
  if (std::any_of(std::begin(reserved), std::end(reserved), [](uint8_t byte) { return byte != 0; }))
    fail("info sets a reserved field of dlr_device_info", "0");
}

void check_allocation(const dlr_device_type& type) {
  RawDevice device(type);
  std::vector<dlr_mem> mems;
  for (const uint64_t size : kSizes) {
    mems.push_back(device.allocate(size));
    const dlr_mem& mem = mems.back();
    if (device.info().host_memory != 0 && (mem.handle + mem.offset) % device.info().alignment != 0)
      fail(fmt::format("a memory of {} bytes isn't aligned", size),
           fmt::format("to {}", device.info().alignment));
    if ((mem.space == DLR_SPACE_HOST) != (device.info().host_memory != 0))
      fail(fmt::format("memory in space {}", mem.space), "space 0 exactly when host_memory is set");
  }
  for (std::size_t i = 0; i < mems.size(); ++i)
    device.put(mems[i], pattern(kSizes[i], static_cast<unsigned>(i)));
  for (std::size_t i = 0; i < mems.size(); ++i)
    require_bytes(device.get(mems[i], kSizes[i]), pattern(kSizes[i], static_cast<unsigned>(i)),
                  fmt::format("memory {} after all were written", i));
}

void check_out_of_memory(const dlr_device_type& type) {
  RawDevice device(type);
  for (const uint64_t bytes : {uint64_t{1} << 60, UINT64_MAX - 63}) {
    dlr_mem mem{};
    std::string message;
    const uint32_t code = code_of(type.allocate(device.handle(), bytes, &mem), &message);
    if (code != DLR_OUT_OF_MEMORY)
      fail(fmt::format("allocate({}): code {} {}", bytes, code, message),
           fmt::format("code {}, DLR_OUT_OF_MEMORY", DLR_OUT_OF_MEMORY));
  }
  const dlr_mem mem = device.allocate(100);
  device.put(mem, pattern(100, 5));
  require_bytes(device.get(mem, 100), pattern(100, 5), "after a refused allocation");
}

// A chain that only the order of issue brings to its end: a -> b -> c, then a is written over.
void check_order(const dlr_device_type& type) {
  RawDevice device(type);
  const uint64_t bytes = 200000;
  const dlr_mem a = device.allocate(bytes);
  const dlr_mem b = device.allocate(bytes);
  const dlr_mem c = device.allocate(bytes);
  for (dlr_stream* stream : {device.stream(), static_cast<dlr_stream*>(nullptr)}) {
    const Bytes first = pattern(bytes, 6);
    device.put(a, first);
    require_ok(type.zero(device.handle(), stream, c, bytes), "zero");
    require_ok(type.copy(device.handle(), stream, b, a, bytes), "copy");
    require_ok(type.copy(device.handle(), stream, c, b, bytes), "copy");
    require_ok(type.zero(device.handle(), stream, a, bytes), "zero");
    if (stream != nullptr)
      require_ok(type.synchronize(device.handle(), nullptr), "synchronize of all streams");
    require_bytes(device.get(c, bytes), first,
                  stream == nullptr ? "without a stream" : "in a stream");
    require_bytes(device.get(a, bytes), Bytes(bytes, 0), "what was zeroed last");
  }
}

// Work in several streams, each of which ends in host memory, where it shows without waiting more.
void check_all_streams(const dlr_device_type& type) {
  std::array<Bytes, 3> found;  // outlives the device, which may write there until it is closed
  RawDevice device(type);
  const uint64_t bytes = uint64_t{4} << 20;
  std::array<dlr_stream*, 3> streams = {device.stream(), nullptr, nullptr};
  std::array<dlr_mem, 3> mems{};
  for (unsigned i = 0; i < streams.size(); ++i) {
    if (i > 0) require_ok(type.create_stream(device.handle(), &streams[i]), "create_stream");
    mems[i] = device.allocate(bytes);
    device.put(mems[i], pattern(bytes, i));
    found[i] = Bytes(bytes, 0xA5);
  }
  for (unsigned i = 0; i < streams.size(); ++i) {
    const dlr_mem to = host_memory(found[i].data(), bytes);
    require_ok(type.copy(device.handle(), streams[i], to, mems[i], bytes), "copy from it");
  }
  require_ok(type.synchronize(device.handle(), nullptr), "synchronize of all streams");
  const std::array<Bytes, 3> found_then = found;
  for (dlr_stream* stream : streams)  // what wasn't waited for mustn't outlive its memory
    require_ok(type.synchronize(device.handle(), stream), "synchronize");
  type.destroy_stream(device.handle(), streams[1]);
  type.destroy_stream(device.handle(), streams[2]);
  for (unsigned i = 0; i < streams.size(); ++i)
    require_bytes(found_then[i], pattern(bytes, i),
                  fmt::format("stream {} of 3, when all were synchronized", i));
}

void check_streams(const dlr_device_type& type) {
  check_order(type);
  check_all_streams(type);
}

void check_waiting(const dlr_device_type& type) {
  RawDevice device(type);
  const uint64_t bytes = 1u << 20;
  const dlr_mem a = device.allocate(bytes);
  const dlr_mem b = device.allocate(bytes);
  const Bytes expected = pattern(bytes, 7);
  dlr_event* event = nullptr;
  dlr_stream* other = nullptr;
  require_ok(type.create_stream(device.handle(), &other), "create_stream");
  for (int round = 0; round < 8; ++round) {
    device.put(a, Bytes(bytes, 0));
    device.put(b, Bytes(bytes, 0));
    require_ok(
        type.copy(device.handle(), device.stream(), a, host_memory(expected.data(), bytes), bytes),
        "copy");
    require_ok(type.record(device.handle(), device.stream(), &event), "record");
    require_ok(type.wait(device.handle(), other, event), "wait");
    require_ok(type.copy(device.handle(), other, b, a, bytes), "copy");
    require_ok(type.synchronize(device.handle(), other), "synchronize");
    require_bytes(device.get(b, bytes), expected, "in the stream that waited");
  }
  device.synchronize();
  type.destroy_event(device.handle(), event);
  type.destroy_stream(device.handle(), other);
}

// Who waited before an event is marked anew goes by the old mark: by the new one, both streams
// would wait for each other.
void check_marked_anew(const dlr_device_type& type) {
  RawDevice device(type);
  const uint64_t bytes = 1u << 20;
  const dlr_mem a = device.allocate(bytes);
  const dlr_mem b = device.allocate(bytes);
  dlr_stream* const stream = device.stream();
  dlr_stream* other = nullptr;
  dlr_event* written = nullptr;
  dlr_event* copied = nullptr;
  require_ok(type.create_stream(device.handle(), &other), "create_stream");
  device.put(a, pattern(bytes, 8));
  require_ok(type.record(device.handle(), stream, &written), "record");
  require_ok(type.wait(device.handle(), other, written), "wait");
  require_ok(type.copy(device.handle(), other, b, a, bytes), "copy");
  require_ok(type.record(device.handle(), other, &copied), "record");
  require_ok(type.wait(device.handle(), stream, copied), "wait");
  require_ok(type.zero(device.handle(), stream, a, bytes), "zero");
  require_ok(type.record(device.handle(), stream, &written), "record of an event again");
  require_ok(type.synchronize(device.handle(), nullptr), "synchronize of all streams");
  require_bytes(device.get(b, bytes), pattern(bytes, 8), "behind the old mark of an event");
  require_bytes(device.get(a, bytes), Bytes(bytes, 0), "what was zeroed before the new mark");
  type.destroy_event(device.handle(), written);
  type.destroy_event(device.handle(), copied);
  type.destroy_stream(device.handle(), other);
}

void check_events(const dlr_device_type& type) {
  if (!DLR_HAS(&type, wait) || type.wait == nullptr) decline("the device has no events");
  check_waiting(type);
  check_marked_anew(type);
}

void check_device_leaks(const dlr_device_type& type) {
  const Bytes bytes = pattern(20000, 8);
  require_no_leak([&] {
    RawDevice device(type);
    for (int i = 0; i < 3; ++i) {
      const dlr_mem mem = device.allocate(bytes.size());
      device.put(mem, bytes);
      device.release(mem);
    }
    dlr_stream* other = nullptr;
    require_ok(type.create_stream(device.handle(), &other), "create_stream");
    if (DLR_HAS(&type, wait) && type.wait != nullptr) {
      dlr_event* event = nullptr;
      require_ok(type.record(device.handle(), device.stream(), &event), "record");
      require_ok(type.wait(device.handle(), other, event), "wait");
      require_ok(type.synchronize(device.handle(), nullptr), "synchronize");
      type.destroy_event(device.handle(), event);
    }
    type.destroy_stream(device.handle(), other);
  });
}

}  // namespace

void check_device_memory(const dlr_device_type& type, const std::string& name, Runner& runner) {
  runner.rung("memory");
  if (!runner.check("D1", name, [&] { check_opening(type); })) return;
  struct Step {
    const char* rule;
    void (*check)(const dlr_device_type&);
    bool by_copies;  // where they don't work it would only tell that again
  };
  const Step steps[] = {{"A5", check_info, false},          {"D2", check_allocation, false},
                        {"D3", check_copies, false},        {"D4", check_zero, true},
                        {"D5", check_out_of_memory, false}, {"D6", check_streams, true},
                        {"D7", check_events, true},         {"D8", check_device_leaks, false},
                        {"D9", check_beyond_memory, true},  {"D10", check_any_order, true},
                        {"D11", check_two_at_once, true}};
  bool copies_work = true;  // and in order
  for (const Step& step : steps) {
    if (!copies_work && step.by_copies) continue;
    const std::string rule = step.rule;
    const bool holds = runner.check(rule, name, [&] {
      count_devices(type);  // declines when there is none
      step.check(type);
    });
    if (rule == "D3" || rule == "D6") copies_work = copies_work && holds;
  }
}

}  // namespace dlrun::conform
