// Device memory: addresses that nobody can touch. What is at them lies elsewhere, with a border of
// NaN around each piece, and only commands that run get there.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace cuda_double {

// 0 when the device has no more memory. New memory is NaN.
CUdeviceptr allocate(int device, uint64_t bytes);
void free_memory(int device, CUdeviceptr at);

// Where `bytes` bytes at a device's address really are. Throws Misuse when they are outside of what
// is allocated there, or not aligned.
char* real_address(int device, CUdeviceptr at, uint64_t bytes, uint64_t alignment);
template <class T>
T* real_elements(int device, const void* at, uint64_t count) {
  return reinterpret_cast<T*>(
      real_address(device, reinterpret_cast<CUdeviceptr>(at), count * sizeof(T), alignof(T)));
}

// Throws Misuse when something was written beside a piece of the device's.
void require_borders(int device);

}  // namespace cuda_double
