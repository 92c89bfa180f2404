// From a kernel of the dialect to the text of a CUDA program.
#pragma once

#include <dlrun/abi.h>
#include <dlrun/kernel_source.hpp>

#include <string>
#include <vector>

namespace dlrun::cuda {

constexpr uint32_t kLargestBlock = 256;  // threads; a power of two

// Definitions, the dialect and a kernel file.
std::string program_text(const dlr_kernel& kernel, uint32_t real_bits, uint32_t index_bits);

// An entry point for one kernel of the file. It takes the kernel's parameters, buffers as pointers,
// and last the number of items.
std::string entry_point(const dlr_kernel& kernel);
std::string entry_name(const dlr_kernel& kernel);

}  // namespace dlrun::cuda
