// The cuda device's profiler, on the double, whose clock advances with each command.
#include <cmath>
#include <set>

#include "tests/unit/device_cuda_host.hpp"
#include "tests/unit/device_spans.hpp"

using namespace device_test;
using dlrun::test::CudaDouble;

namespace {

constexpr uint64_t kCommandNs = 550'000;  // the double's

// A device with a stream, some memory, and its profiler.
struct Profiled {
  explicit Profiled(const std::string& words = "")
      : cuda(words),
        type(cuda.type()),
        device(cuda.device()),
        profiler(
            *static_cast<const dlr_profiler_type*>(cuda.plugin().get_interface(DLR_PROFILER_ID))),
        memory(std::make_unique<DeviceMemory>(cuda.plugin(), host)) {
    check(type.create_stream(device, &stream));
  }
  ~Profiled() {
    memory.reset();
    type.destroy_stream(device, stream);
  }
  Profiled(const Profiled&) = delete;
  Profiled& operator=(const Profiled&) = delete;

  dlr_error* zero() const { return type.zero(device, stream, memory->mem(), 64); }
  dlr_error* to_device() const { return copy(memory->mem(), DeviceMemory::host_mem(host)); }
  dlr_error* to_host() { return copy(DeviceMemory::host_mem(host), memory->mem()); }
  dlr_error* copy(dlr_mem to, dlr_mem from) const {
    return type.copy(device, stream, to, from, 256);
  }
  dlr_error* collect(std::vector<Span>& spans) const {
    return profiler.collect(device, keep, &spans);
  }
  std::vector<Span> spans() const {
    std::vector<Span> spans;
    check(collect(spans));
    return spans;
  }

  CudaOnDouble cuda;
  const dlr_device_type& type;
  dlr_device* device;
  const dlr_profiler_type& profiler;
  std::vector<float> host = std::vector<float>(128, 1.5F);
  std::unique_ptr<DeviceMemory> memory;
  dlr_stream* stream = nullptr;
};

// C[2,2] = A[2,2] B[2,2], all in one memory.
void multiply(const Profiled& on) {
  dlrun::OperatorDesc gemm("gemm");
  for (int i = 0; i < 3; ++i)
    gemm.argument(dlrun::Shape{2, 2}, DLR_F32);
  gemm.attribute("m", 2).attribute("n", 2).attribute("k", 2);
  gemm.with_desc([&](dlr_op_desc& desc) {
    dlr_plan* plan = nullptr;
    check(on.type.plan(on.device, &desc, &plan));
    const dlr_mem args[] = {on.memory->mem(), on.memory->from(64), on.memory->from(128)};
    check(on.type.run(on.device, on.stream, plan, args, 3, {}, {}));
    check(on.type.synchronize(on.device, on.stream));
    on.type.destroy_plan(on.device, plan);
  });
}

// What is profiled when calls fail: how many errors there were, each as planned.
int errors_of_a_collection(Profiled& on) {
  int errors = 0;
  const auto note = [&](dlr_error* error) {
    if (error == nullptr) return true;
    ++errors;
    const Refused refused(error);
    CHECK(std::string(refused.what()).find("fails as planned") != std::string::npos);
    return false;
  };
  const bool is_timing = note(on.profiler.begin(on.device));
  uint64_t ns = 0;
  if (is_timing) note(on.profiler.now(on.device, &ns));
  for (int i = 0; i < 520; ++i)
    note(on.zero());
  note(on.to_device());
  note(on.to_host());
  std::vector<Span> spans;
  if (is_timing) {
    note(on.collect(spans));
    note(on.zero());
    note(on.profiler.end(on.device));
  }
  note(on.type.synchronize(on.device, nullptr));
  return errors;
}

}  // namespace

TEST_CASE("cuda's profiler gives every span once, with its label, in order") {
  Profiled on;
  check(on.zero());  // before the collection: not in it
  check(on.profiler.begin(on.device));
  uint64_t before = 0;
  check(on.profiler.now(on.device, &before));
  const size_t n = 3000;  // more than a stream leaves unsettled, and seconds of the double's clock
  for (size_t i = 0; i < n; ++i) {
    on.profiler.label(on.device, i);
    check(on.zero());
  }
  on.profiler.label(on.device, 9999);
  check(on.to_device());
  const std::vector<Span> spans = on.spans();
  uint64_t after = 0;
  check(on.profiler.now(on.device, &after));
  REQUIRE(spans.size() == n + 1);
  uint64_t last = before;
  for (size_t i = 0; i <= n; ++i) {
    const Span& span = spans[i];
    CHECK(span.name == (i < n ? "zeroing" : "copy to the device"));
    CHECK(span.label == (i < n ? i : 9999));
    CHECK(span.stream == spans[0].stream);
    CHECK(span.begin_ns > last);
    CHECK(span.end_ns - span.begin_ns == 2 * kCommandNs);  // the work and the event behind it
    const auto expected = static_cast<double>(spans[0].begin_ns + i * 3 * kCommandNs);
    CHECK(std::abs(static_cast<double>(span.begin_ns) - expected) < 100);
    last = span.end_ns;
  }
  CHECK(after > last);
  CHECK(on.spans().empty());
  check(on.zero());
  check(on.profiler.end(on.device));
  check(on.profiler.begin(on.device));
  CHECK(on.spans().empty());  // what nobody collected was dropped
  check(on.profiler.end(on.device));
}

TEST_CASE("cuda's spans have the names of what ran, with and without a stream") {
  Profiled on;
  check(on.profiler.begin(on.device));
  multiply(on);
  check(on.to_host());
  check(on.copy(on.memory->from(256), on.memory->mem()));
  check(on.type.zero(on.device, nullptr, on.memory->mem(), 64));
  std::set<std::string> names;
  std::set<uint64_t> streams;
  for (const Span& span : on.spans()) {
    names.insert(span.name);
    streams.insert(span.stream);
    CHECK(span.label == 0);
    CHECK(span.end_ns > span.begin_ns);
  }
  CHECK(names ==
        std::set<std::string>{"gemm", "copy to the host", "copy within the device", "zeroing"});
  CHECK(streams.size() == 2);
  check(on.profiler.end(on.device));
}

TEST_CASE("cuda times streams that are made and destroyed within a collection") {
  const Profiled on("seed=3");
  check(on.profiler.begin(on.device));
  check(on.zero());
  dlr_stream* other = nullptr;
  check(on.type.create_stream(on.device, &other));
  check(on.type.zero(on.device, other, on.memory->from(256), 64));
  on.type.destroy_stream(on.device, other);
  const std::vector<Span> spans = on.spans();
  REQUIRE(spans.size() == 2);
  CHECK(spans[0].stream != spans[1].stream);
  check(on.profiler.end(on.device));
}

TEST_CASE("cuda calls nothing for timing outside of a collection") {
  const Profiled on;
  const auto calls = [&] {
    const uint64_t before = on.cuda.libraries().calls();
    for (int i = 0; i < 10; ++i)
      check(on.zero());
    check(on.type.synchronize(on.device, on.stream));
    return on.cuda.libraries().calls() - before;
  };
  const uint64_t untimed = 10 + 1;
  CHECK(calls() == untimed);
  check(on.profiler.begin(on.device));
  CHECK(calls() > untimed);
  check(on.profiler.end(on.device));
  CHECK(calls() == untimed);
}

TEST_CASE("whatever fails within a collection of cuda's is told once, and nothing is left") {
  uint64_t first = 0;
  uint64_t last = 0;
  {
    Profiled on;
    first = on.cuda.libraries().calls() + 1;
    CHECK(errors_of_a_collection(on) == 0);
    last = on.cuda.libraries().calls();
  }
  REQUIRE(last > first + 2000);
  for (uint64_t call = first; call <= last;
       call += call < first + 20 || call + 20 > last ? 1 : 31) {
    INFO("call ", call, " of ", first, " to ", last);
    Profiled on("fail_call=" + std::to_string(call));
    CHECK(errors_of_a_collection(on) == 1);
  }
  for (uint64_t command = 3; command < 1500; command += command < 20 ? 1 : 37) {
    INFO("command ", command);
    Profiled on("fail_late=" + std::to_string(command));
    CHECK(errors_of_a_collection(on) == 1);
  }
}

TEST_CASE("the double tells elapsed times only as CUDA does") {
  constexpr int kInvalidHandle = 400;
  constexpr int kNotReady = 600;
  constexpr unsigned kWithoutTiming = 2;
  using Handle = void*;
  const CudaDouble cuda;
  const auto create = cuda.function<int(Handle*, unsigned)>("cuEventCreate");
  const auto destroy = cuda.function<int(Handle)>("cuEventDestroy_v2");
  const auto record = cuda.function<int(Handle, Handle)>("cuEventRecord");
  const auto elapsed = cuda.function<int(float*, Handle, Handle)>("cuEventElapsedTime");
  const auto synchronize = cuda.function<int(Handle)>("cuStreamSynchronize");
  const auto retain = cuda.function<int(Handle*, int)>("cuDevicePrimaryCtxRetain");

  REQUIRE(cuda.function<int(unsigned)>("cuInit")(0) == 0);
  Handle context = nullptr, stream = nullptr, first = nullptr, second = nullptr, untimed = nullptr;
  REQUIRE(retain(&context, 0) == 0);
  cuda.function<int(Handle)>("cuCtxPushCurrent_v2")(context);
  cuda.function<int(Handle*, unsigned)>("cuStreamCreate")(&stream, 1);
  create(&first, 0);
  create(&second, 0);
  create(&untimed, kWithoutTiming);
  float ms = 0;
  record(first, stream);
  CHECK(elapsed(&ms, first, second) == kInvalidHandle);
  CHECK(cuda.problems().find("never recorded") != std::string::npos);
  record(second, stream);
  CHECK(elapsed(&ms, first, second) == kNotReady);
  record(untimed, stream);
  synchronize(stream);
  CHECK(elapsed(&ms, first, second) == 0);
  CHECK(ms == doctest::Approx(0.55));
  CHECK(elapsed(&ms, first, untimed) == kInvalidHandle);
  CHECK(cuda.problems().find("without timing") != std::string::npos);
  CHECK(elapsed(&ms, second, first) == kInvalidHandle);
  CHECK(cuda.problems().find("wrong order") != std::string::npos);
  for (const Handle event : {first, second, untimed})
    destroy(event);
  CHECK(elapsed(&ms, first, second) == kInvalidHandle);
  CHECK(cuda.problems().find("isn't alive") != std::string::npos);
  cuda.function<int(Handle)>("cuStreamDestroy_v2")(stream);
  cuda.function<int(Handle*)>("cuCtxPopCurrent_v2")(&context);
  cuda.function<int(int)>("cuDevicePrimaryCtxRelease_v2")(0);
  CHECK(cuda.problems() == "");
}
