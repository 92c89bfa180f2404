// NVRTC's stand-in: compiles nothing, but hands the text on to the driver's.
#include <nvrtc.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>

#include "control.hpp"
#include "kernels.hpp"

struct _nvrtcProgram {
  std::string text;
  std::string cubin;
  std::string log;
};

using namespace cuda_double;

namespace {

constexpr const char* kProgram = "program";
constexpr int kArchitectures[] = {75, 80, 86, 89, 90};
constexpr std::string_view kOption = "--gpu-architecture=sm_";

template <class Body>
nvrtcResult nvrtc_call(const char* name, Body&& body) {
  return call(name, NVRTC_ERROR_INTERNAL_ERROR, NVRTC_ERROR_INVALID_INPUT, [&] {
    body();
    return NVRTC_SUCCESS;
  });
}

nvrtcResult size_of(const char* name, nvrtcProgram program, const std::string& what, size_t* size) {
  return nvrtc_call(name, [&] {
    require_object(program, kProgram);
    *size = what.size() + (what.empty() ? 1 : 0);
  });
}

nvrtcResult get(const char* name, nvrtcProgram program, const std::string& what, char* to) {
  return nvrtc_call(name, [&] {
    require_object(program, kProgram);
    std::memcpy(to, what.c_str(), what.size() + (what.empty() ? 1 : 0));
  });
}

}  // namespace

nvrtcResult nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  return NVRTC_SUCCESS;
}

const char* nvrtcGetErrorString(nvrtcResult) {
  return kPlanned;
}

nvrtcResult nvrtcGetNumSupportedArchs(int* count) {
  return nvrtc_call("nvrtcGetNumSupportedArchs", [&] { *count = std::size(kArchitectures); });
}

nvrtcResult nvrtcGetSupportedArchs(int* architectures) {
  return nvrtc_call("nvrtcGetSupportedArchs", [&] {
    std::copy(std::begin(kArchitectures), std::end(kArchitectures), architectures);
  });
}

nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char* text, const char*, int headers,
                               const char* const*, const char* const*) {
  return nvrtc_call("nvrtcCreateProgram", [&] {
    require(headers == 0, "a program that includes files");
    *program = new _nvrtcProgram{text, {}, {}};
    add_object(*program, kProgram, -2);
  });
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program) {
  return release("nvrtcDestroyProgram", NVRTC_SUCCESS, [&] {
    remove_object(*program, kProgram);
    delete *program;
    *program = nullptr;
  });
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int count, const char* const* words) {
  return call("nvrtcCompileProgram", NVRTC_ERROR_INTERNAL_ERROR, NVRTC_ERROR_INVALID_OPTION, [&] {
    require_object(program, kProgram);
    require(count >= 1 && std::string(words[0]).rfind(kOption, 0) == 0,
            "the first option must name a real architecture: PTX won't do");
    const int architecture = std::stoi(words[0] + kOption.size());
    require(std::count(std::begin(kArchitectures), std::end(kArchitectures), architecture) == 1,
            "an unknown architecture");
    if (program->text.find("\n#error ") != std::string::npos) {
      program->log = "error: #error directive";
      return NVRTC_ERROR_COMPILATION;
    }
    program->cubin = make_cubin(architecture, program->text);
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t* size) {
  return size_of("nvrtcGetProgramLogSize", program, program->log, size);
}
nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char* to) {
  return get("nvrtcGetProgramLog", program, program->log, to);
}
nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, size_t* size) {
  return size_of("nvrtcGetCUBINSize", program, program->cubin, size);
}
nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char* to) {
  return get("nvrtcGetCUBIN", program, program->cubin, to);
}
nvrtcResult nvrtcGetPTXSize(nvrtcProgram, size_t*) {
  return NVRTC_ERROR_INVALID_INPUT;  // the device asks for machine code only
}
nvrtcResult nvrtcGetPTX(nvrtcProgram, char*) {
  return NVRTC_ERROR_INVALID_INPUT;
}
