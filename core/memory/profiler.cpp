#include "core/memory/profiler.hpp"

#include <chrono>

#include "core/host/error.hpp"

namespace dlrun::memory {

int64_t host_time_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Profiler::Profiler(Device& device) : device_(device), type_(*device.profiler_) {
  host::check(type_.begin(device_.handle_), device_.subject_);
  const auto clocks_differ = [&] {
    const int64_t before = host_time_ns();
    uint64_t device_ns = 0;
    host::check(type_.now(device_.handle_, &device_ns), device_.subject_);
    return before + (host_time_ns() - before) / 2 - static_cast<int64_t>(device_ns);
  };
  try {
    clocks_differ();  // the first question may find the device asleep
    host_minus_device_ns_ = clocks_differ();
  } catch (...) {
    delete type_.end(device_.handle_);
    throw;
  }
}

Profiler::~Profiler() {
  delete type_.end(device_.handle_);  // what failed is told by the device's next synchronize
}

std::vector<Span> Profiler::collect() {
  struct Collected {
    std::vector<Span> spans;
    int64_t shift;
  } collected{{}, host_minus_device_ns_};
  const auto add = [](void* context, const dlr_span* span) {
    auto& to = *static_cast<Collected*>(context);
    to.spans.push_back({std::string(host::from_abi(span->name)), span->label, span->stream,
                        static_cast<int64_t>(span->begin_ns) + to.shift,
                        static_cast<int64_t>(span->end_ns) + to.shift});
  };
  host::check(type_.collect(device_.handle_, add, &collected), device_.subject_);
  return std::move(collected.spans);
}

}  // namespace dlrun::memory
