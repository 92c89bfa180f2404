// Copies and zeroing, issued to a stream.
#pragma once

#include "stream.hpp"

namespace dlrun::opencl {

// Memory work. `space` is the device's own; the other one allowed is the host's.
void copy(Stream& stream, uint64_t space, const dlr_mem& to, const dlr_mem& from, uint64_t bytes);
void zero(Stream& stream, uint64_t space, const dlr_mem& mem, uint64_t bytes);

// The OpenCL buffer of a memory of this device; NULL for one without bytes.
cl_mem buffer_of(const dlr_mem& mem, uint64_t space);

}  // namespace dlrun::opencl
