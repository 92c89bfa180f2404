// The opencl device's profiler: spans of what was issued, with labels, in order.
#include "tests/unit/device_opencl_host.hpp"
#include "tests/unit/device_spans.hpp"

using namespace device_test;

namespace {

const dlr_profiler_type& profiler_of(const DevicePlugin& plugin) {
  const auto* profiler =
      static_cast<const dlr_profiler_type*>(plugin.get_interface(DLR_PROFILER_ID));
  REQUIRE(profiler != nullptr);
  return *profiler;
}

}  // namespace

TEST_CASE("opencl's profiler gives every span once, with its label, in order") {
  const auto opencl = open_opencl();
  if (!opencl) return;
  const dlr_profiler_type& profiler = profiler_of(*opencl);
  const dlr_device_type& type = opencl->type();
  dlr_device* device = opencl->device();
  dlr_stream* stream = nullptr;
  check(type.create_stream(device, &stream));
  const std::vector<float> source(1 << 18, 1.5F);
  const uint64_t bytes = source.size() * sizeof(float);
  const DeviceMemory memory(*opencl, bytes);
  check(type.zero(device, stream, memory.mem(), bytes));  // before the collection: not in it

  check(profiler.begin(device));
  uint64_t before = 0;
  check(profiler.now(device, &before));
  const int n = 700;  // more than a stream leaves unchecked
  for (int i = 0; i < n; ++i) {
    profiler.label(device, static_cast<uint64_t>(i));
    check(type.zero(device, stream, memory.mem(), 4096));
  }
  profiler.label(device, 9999);
  check(type.copy(device, stream, memory.mem(), DeviceMemory::host_mem(source), bytes));
  std::vector<Span> spans;
  check(profiler.collect(device, keep, &spans));
  uint64_t after = 0;
  check(profiler.now(device, &after));
  REQUIRE(spans.size() == n + 1);
  uint64_t last = before;
  for (int i = 0; i <= n; ++i) {
    const Span& span = spans[static_cast<size_t>(i)];
    CHECK(span.name == (i < n ? "zeroing" : "copy to the device"));
    CHECK(span.label == (i < n ? static_cast<uint64_t>(i) : 9999));
    CHECK(span.stream == spans[0].stream);
    CHECK(span.begin_ns >= last);
    CHECK(span.end_ns >= span.begin_ns);
    last = span.end_ns;
  }
  CHECK(after >= last);

  std::vector<Span> again;
  check(profiler.collect(device, keep, &again));
  CHECK(again.empty());
  check(profiler.end(device));
  CHECK(memory.elements<float>() == source);
  type.destroy_stream(device, stream);
}
