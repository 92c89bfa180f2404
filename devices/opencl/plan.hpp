// Operators that the device runs otherwise than by portable kernels.
#pragma once

#include <dlrun/device.hpp>

#include <memory>

#include "transfer.hpp"

namespace dlrun::opencl {

class Plan {
 public:
  virtual ~Plan() = default;
  virtual void run(Stream& stream, const dlr_mem* args, uint32_t n_args,
                   const dlr_mem& workspace) = 0;
};

// Throws Declined for what it doesn't run. `space` is the device's; `stream` any of its streams.
std::unique_ptr<Plan> plan_gemm(const OpView& op, uint64_t space, Stream& stream);

}  // namespace dlrun::opencl
