// What a device did and when, by its own clock, for as long as a profiler lives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/memory/device.hpp"

namespace dlrun::memory {

// One kernel, operator or copy.
struct Span {
  std::string name;
  uint64_t label;  // set before it was issued
  uint64_t stream;
  int64_t begin_ns;  // on the host's steady clock, as far as the two can be compared
  int64_t end_ns;
};

class Profiler {
 public:
  // The device must have a profiler, and outlive this one.
  explicit Profiler(Device& device);
  ~Profiler();
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  const Device& device() const { return device_; }
  // Of what is issued from now on.
  void label(uint64_t label) { type_.label(device_.handle_, label); }
  // Waits, and gives what finished since the last time.
  std::vector<Span> collect();

 private:
  Device& device_;
  const dlr_profiler_type& type_;
  int64_t host_minus_device_ns_ = 0;
};

// The host's steady clock.
int64_t host_time_ns();

}  // namespace dlrun::memory
