// The open device: oneDNN's engine, the layouts it has chosen, and how many threads it may use.
#pragma once

#include <dlrun/device.hpp>

#include <string>

#include "layouts.hpp"

namespace dlrun::onednn {

class Device {
 public:
  explicit Device(const dlr_device_options& options);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  void info(dlr_device_info& out) const;

  const dnnl::engine& engine() const { return engine_; }
  const dnnl::stream& stream() const { return stream_; }
  Layouts& layouts() { return layouts_; }
  const Layouts& layouts() const { return layouts_; }
  int threads() const { return threads_; }
  // Whether it also plans what the cpu device was measured to do faster: with DLRUN_ONEDNN=all in
  // the environment, to measure and to test.
  bool takes_all() const { return takes_all_; }
  // The build of a kernel for the best instruction set that there is, in float32.
  dlr_cpu_entry entry(const dlr_kernel& kernel, bool wide_index) const;

 private:
  dnnl::engine engine_;
  dnnl::stream stream_;
  Layouts layouts_;
  int threads_;  // 0: as many as OpenMP says
  bool takes_all_;
  std::string name_;
  std::string driver_;
};

// Lets oneDNN use as many threads as its device may, as long as this lives and on this thread only.
class ThreadBudget {
 public:
  explicit ThreadBudget(const Device& device);
  ~ThreadBudget();
  ThreadBudget(const ThreadBudget&) = delete;
  ThreadBudget& operator=(const ThreadBudget&) = delete;

 private:
  int before_ = 0;  // 0: nothing was changed
};

// Host memory, aligned as the device says; throws std::bad_alloc.
inline constexpr uint64_t kAlignment = 64;
void* allocate(uint64_t bytes);
void release(void* memory);

}  // namespace dlrun::onednn
