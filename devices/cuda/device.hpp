// CUDA devices: how many there are, and an open one.
#pragma once

#include <dlrun/profiler.h>

#include <memory>
#include <string>
#include <vector>

#include "blas.hpp"
#include "dnn.hpp"
#include "kernel.hpp"
#include "stream.hpp"

namespace dlrun::cuda {

// How many devices the driver shows. When there is none, *reason says why.
uint64_t count_devices(std::string* reason);

// The driver's shared context of a device, kept alive.
class PrimaryContext {
 public:
  explicit PrimaryContext(CUdevice device);
  ~PrimaryContext();
  PrimaryContext(const PrimaryContext&) = delete;
  PrimaryContext& operator=(const PrimaryContext&) = delete;
  CUcontext get() const { return context_; }

 private:
  CUdevice device_;
  CUcontext context_ = nullptr;
};

// All but the context itself is made, used and destroyed with the context current.
class Device {
 public:
  explicit Device(CUdevice device);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  CUcontext context() const { return context_.get(); }
  // The device's memory space: unique among what is open in this process.
  uint64_t space() const { return reinterpret_cast<uintptr_t>(this); }
  void info(dlr_device_info& out) const;
  // What an operator's plan may take as workspace.
  uint64_t workspace_limit() const { return memory_bytes_ / 8; }

  dlr_mem allocate(uint64_t bytes);
  void release(const dlr_mem& mem);

  std::unique_ptr<Stream> make_stream();
  void forget(Stream* stream);
  // Every stream of the device, its own one included.
  void finish_all();
  Stream& own_stream() { return *own_stream_; }

  // Behind "dlrun.profiler/1". The clock begins at 0 with the timing.
  void begin_timing();
  void end_timing();
  void set_label(uint64_t label);
  uint64_t now();
  void give_spans(dlr_span_fn give, void* context);

  std::unique_ptr<BuiltKernel> build(const dlr_kernel& kernel, uint32_t dtype, uint32_t index_bits);

  // The libraries' handles, made when first asked for. Throw Declined when there is no such
  // library.
  Blas& blas();
  Dnn& dnn();

 private:
  Timeline& timeline();
  void drop_timing();

  std::string name_;
  std::string driver_;
  uint64_t memory_bytes_;
  int architecture_;
  PrimaryContext context_;
  std::unique_ptr<Timeline> timeline_;  // none while nothing is timed; the streams use it
  std::unique_ptr<Stream> own_stream_;
  std::vector<Stream*> streams_;
  std::unique_ptr<ProgramStore> programs_;
  std::unique_ptr<Blas> blas_;
  std::unique_ptr<Dnn> dnn_;
};

}  // namespace dlrun::cuda
