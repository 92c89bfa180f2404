// Work in order: a command queue that remembers what was issued, so that late errors are reported.
#pragma once

#include <dlrun/abi.h>

#include "cl.hpp"

namespace dlrun::opencl {

class Stream {
 public:
  Stream(cl_context context, cl_device_id device);

  cl_command_queue queue() const { return queue_.get(); }
  // Takes over the event of an issued command; `what` is a literal that names it in a late error.
  void track(cl_event event, const char* what);
  // Waits for everything issued; throws what failed since the last time.
  void finish();

 private:
  struct Issued {
    Event event;
    const char* what;
  };
  void settle(size_t count);

  Queue queue_;
  std::vector<Issued> issued_;  // not known to be finished, in order
  std::string late_error_;
};

// Memory work. `space` is the device's own; the other one allowed is the host's.
void copy(Stream& stream, uint64_t space, const dlr_mem& to, const dlr_mem& from, uint64_t bytes);
void zero(Stream& stream, uint64_t space, const dlr_mem& mem, uint64_t bytes);

// The OpenCL buffer of a memory of this device; NULL for one without bytes.
cl_mem buffer_of(const dlr_mem& mem, uint64_t space);

}  // namespace dlrun::opencl
