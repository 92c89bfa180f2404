// launch.hpp: the portable kernels of layers on this device.
#pragma once

#include "isa.hpp"

#include <dlrun/device.hpp>

// A kernel ready to launch: the function of the best instruction set.
struct dlr_built_kernel {
  dlr_cpu_entry entry;
};

namespace dlrun::cpu {

dlr_built_kernel* build_kernel(Isa best, const dlr_kernel& kernel, uint32_t dtype,
                               uint32_t index_bits);

void launch(const dlr_built_kernel& kernel, int64_t items, int64_t width,
            const dlr_kernel_arg* args);

}  // namespace dlrun::cpu
