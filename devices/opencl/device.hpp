// OpenCL devices: which there are, and an open one.
#pragma once

#include <dlrun/profiler.h>

#include <memory>
#include <string>
#include <vector>

#include "kernel.hpp"
#include "stream.hpp"

namespace dlrun::opencl {

struct FoundDevice {
  cl_platform_id platform;
  cl_device_id device;
};

// Usable devices over all platforms, in the loader's order. When there is none, *reason says why.
std::vector<FoundDevice> find_devices(std::string* reason);

struct SharedDevice;

class Device {
 public:
  explicit Device(const FoundDevice& found);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // The device's memory space: unique among what is open in this process.
  uint64_t space() const { return reinterpret_cast<uintptr_t>(this); }
  void info(dlr_device_info& out) const;

  dlr_mem allocate(uint64_t bytes);
  void release(const dlr_mem& mem);

  std::unique_ptr<Stream> make_stream();
  void forget(Stream* stream);
  // Every stream of the device, its own one included.
  void finish_all();
  Stream& own_stream() { return own_stream_; }

  // Behind "dlrun.profiler/1".
  void begin_timing();
  void end_timing();
  void set_label(uint64_t label);
  uint64_t now();
  void give_spans(dlr_span_fn give, void* context);

  std::unique_ptr<BuiltKernel> build(const dlr_kernel& kernel, uint32_t dtype, uint32_t index_bits);

 private:
  // Calls work(stream, its number); the device's own one is 0.
  template <class Work>
  void for_all_streams(Work&& work);

  cl_device_id device_;
  std::string name_;
  std::string driver_;
  bool float64_;
  SharedDevice& shared_;
  Stream own_stream_;
  std::vector<Stream*> streams_;
  bool is_timing_ = false;
};

}  // namespace dlrun::opencl
