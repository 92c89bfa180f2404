// Kernels in place of machine code: the CPU builds of the plugins that this process has loaded.
#pragma once

#include <cuda.h>
#include <dlrun/kernel_source.hpp>

#include <string>
#include <vector>

namespace cuda_double {

// "Machine code": the architecture it is for and the program's text.
std::string make_cubin(int architecture, const std::string& text);

// One that no plugin provides.
void add_kernel(const dlr_kernel& kernel);

}  // namespace cuda_double
