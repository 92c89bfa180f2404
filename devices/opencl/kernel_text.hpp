// From a kernel of the dialect to the text of an OpenCL program.
#pragma once

#include <dlrun/abi.h>
#include <dlrun/kernel_source.hpp>

#include <string>
#include <vector>

namespace dlrun::opencl {

struct KernelText {
  std::string program;  // definitions, the dialect, the kernel file and one entry point
  std::string entry;    // the entry point's name
  std::vector<KernelParameter> parameters;
  KernelForm form;
};

// The entry point takes each buffer as a pointer and a byte offset (OpenCL 1.2 can't offset a
// buffer), then the scalars' values, the number of items, and last for kernels with groups local
// memory of one real for each work item of a group.
KernelText kernel_text(const dlr_kernel& kernel, uint32_t real_bits, uint32_t index_bits);

}  // namespace dlrun::opencl
