// NVRTC: from the text of a program to machine code.
#pragma once

#include <nvrtc.h>
#include <dlrun/error.hpp>

#include "library.hpp"

namespace dlrun::cuda {

#define DLR_NVRTC(use)                                                                 \
  use(nvrtcVersion) use(nvrtcGetErrorString) use(nvrtcGetNumSupportedArchs)            \
      use(nvrtcGetSupportedArchs) use(nvrtcCreateProgram) use(nvrtcDestroyProgram)     \
          use(nvrtcCompileProgram) use(nvrtcGetProgramLogSize) use(nvrtcGetProgramLog) \
              use(nvrtcGetCUBINSize) use(nvrtcGetCUBIN) use(nvrtcGetPTXSize) use(nvrtcGetPTX)

#define DLR_NVRTC_MEMBER(name) decltype(&::name) name = nullptr;
struct Nvrtc {
  Nvrtc();
  std::string problem;  // why it can't be used; empty when it can
  DLR_NVRTC(DLR_NVRTC_MEMBER)
};
const Nvrtc& nvrtc();

// "NVRTC 13.0"
std::string nvrtc_version();

// The newest architecture (86 for sm_86) whose code runs on a device of compute capability
// `capability` (89 for 8.9). Throws when NVRTC compiles for none such.
int architecture_for(int capability);

// Throws with the compiler's messages when the text doesn't compile.
std::string compile_to_cubin(const std::string& text, int architecture);
// The assembly text, to look at.
std::string compile_to_ptx(const std::string& text, int architecture);

}  // namespace dlrun::cuda
