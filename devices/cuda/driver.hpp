// The CUDA driver's interface: a table of its functions, and its status codes as errors.
#pragma once

#include <cuda.h>
#include <dlrun/error.hpp>

#include <optional>

#include "library.hpp"

namespace dlrun::cuda {

// By their exported names; cuda.h lets source code write cuMemAlloc for cuMemAlloc_v2 and so on.
// Of cuEventElapsedTime, to which newer headers gave a _v2 with the same parameters, the first is
// looked up, which every driver has.
#define DLR_CUDA_DRIVER(use)                                                                       \
  use(cuInit) use(cuDriverGetVersion) use(cuGetErrorName) use(cuGetErrorString)                    \
      use(cuDeviceGetCount) use(cuDeviceGet) use(cuDeviceGetName) use(cuDeviceGetAttribute)        \
          use(cuDeviceTotalMem_v2) use(cuDevicePrimaryCtxRetain) use(cuDevicePrimaryCtxRelease_v2) \
              use(cuCtxPushCurrent_v2) use(cuCtxPopCurrent_v2) use(cuMemAlloc_v2)                  \
                  use(cuMemFree_v2) use(cuMemAllocHost_v2) use(cuMemFreeHost)                      \
                      use(cuMemcpyHtoDAsync_v2) use(cuMemcpyDtoHAsync_v2)                          \
                          use(cuMemcpyDtoDAsync_v2) use(cuMemsetD8Async) use(cuMemsetD32Async)     \
                              use(cuStreamCreate) use(cuStreamDestroy_v2) use(cuStreamSynchronize) \
                                  use(cuStreamWaitEvent) use(cuEventCreate) use(cuEventDestroy_v2) \
                                      use(cuEventRecord) use(cuEventSynchronize)                   \
                                          use(cuEventElapsedTime) use(cuModuleLoadData)            \
                                              use(cuModuleUnload) use(cuModuleGetFunction)         \
                                                  use(cuLaunchKernel)

#define DLR_MEMBER(name) decltype(&::name) name = nullptr;
struct Driver {
  Driver();
  std::string problem;  // why it can't be used; empty when it can
  DLR_CUDA_DRIVER(DLR_MEMBER)
};

// The process's only one: the driver is opened once.
const Driver& driver();

// Throws when a call failed; `call` is its name.
void check_cuda(CUresult status, const char* call);

// "CUDA 13.0": a version as the driver and its header write it, 13000.
std::string version_text(int version);

// Makes a context the calling thread's for as long as it lives.
class Current {
 public:
  explicit Current(CUcontext context) {
    check_cuda(driver().cuCtxPushCurrent_v2(context), "cuCtxPushCurrent");
  }
  ~Current() {
    CUcontext ours = nullptr;
    driver().cuCtxPopCurrent_v2(&ours);
  }
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;
};

// For destructors: a lost context can't be made current, and what was in it is freed all the same.
class CurrentIfPossible {
 public:
  explicit CurrentIfPossible(CUcontext context) {
    try {
      current_.emplace(context);
    } catch (const Error&) {
    }
  }

 private:
  std::optional<Current> current_;
};

}  // namespace dlrun::cuda
