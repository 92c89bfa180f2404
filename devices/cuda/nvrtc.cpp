// Compiling. The result is machine code (CUBIN): intermediate code (PTX) of a newer toolkit is
// refused by an older driver.
#include "nvrtc.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

namespace dlrun::cuda {

namespace {

void check_nvrtc(nvrtcResult status, const char* call) {
  if (status == NVRTC_SUCCESS) return;
  throw Error(std::string(call) + " failed: " + nvrtc().nvrtcGetErrorString(status),
              status == NVRTC_ERROR_OUT_OF_MEMORY ? DLR_OUT_OF_MEMORY : DLR_DEVICE_ERROR);
}

class Program {
 public:
  explicit Program(const std::string& text) {
    check_nvrtc(
        nvrtc().nvrtcCreateProgram(&program_, text.c_str(), "kernel.cu", 0, nullptr, nullptr),
        "nvrtcCreateProgram");
  }
  ~Program() { nvrtc().nvrtcDestroyProgram(&program_); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void compile(const std::string& architecture) const {
    const std::string option = "--gpu-architecture=" + architecture;
    const char* const options[] = {option.c_str(), "--std=c++17"};
    const nvrtcResult status =
        nvrtc().nvrtcCompileProgram(program_, static_cast<int>(std::size(options)), options);
    if (status == NVRTC_ERROR_COMPILATION)
      throw Error("it doesn't compile for " + architecture + " (" + nvrtc_version() + "):\n" +
                  log());
    check_nvrtc(status, "nvrtcCompileProgram");
  }

  template <class Size, class Get>
  std::string result(Size size, Get get, const char* call) const {
    size_t length = 0;
    check_nvrtc(size(program_, &length), call);
    std::string bytes(length, '\0');
    check_nvrtc(get(program_, bytes.data()), call);
    return bytes;
  }

 private:
  std::string log() const {
    std::string text =
        result(nvrtc().nvrtcGetProgramLogSize, nvrtc().nvrtcGetProgramLog, "nvrtcGetProgramLog");
    text.resize(text.find_last_not_of(std::string("\0\n ", 3)) + 1);
    return text;
  }

  nvrtcProgram program_ = nullptr;
};

}  // namespace

Nvrtc::Nvrtc() {
  Library library(LibraryKind::kNvrtc);
#define DLR_LOAD(name) library.load(name, #name);
  DLR_NVRTC(DLR_LOAD)
  problem = library.problem();
}

const Nvrtc& nvrtc() {
  static const Nvrtc nvrtc;
  return nvrtc;
}

std::string nvrtc_version() {
  int major = 0;
  int minor = 0;
  check_nvrtc(nvrtc().nvrtcVersion(&major, &minor), "nvrtcVersion");
  return "NVRTC " + std::to_string(major) + "." + std::to_string(minor);
}

int architecture_for(int capability) {
  int count = 0;
  check_nvrtc(nvrtc().nvrtcGetNumSupportedArchs(&count), "nvrtcGetNumSupportedArchs");
  std::vector<int> known(static_cast<size_t>(count));
  check_nvrtc(nvrtc().nvrtcGetSupportedArchs(known.data()), "nvrtcGetSupportedArchs");
  int best = 0;
  for (const int architecture : known) {
    // Machine code runs on devices of its major version that aren't older.
    if (architecture / 10 == capability / 10 && architecture <= capability)
      best = std::max(best, architecture);
  }
  if (best != 0) return best;
  throw Error("the device has compute capability " + std::to_string(capability / 10) + "." +
                  std::to_string(capability % 10) + ", for which " + nvrtc_version() +
                  " doesn't compile; use a dlrun built with another CUDA toolkit",
              DLR_DEVICE_ERROR);
}

std::string compile_to_cubin(const std::string& text, int architecture) {
  const Program program(text);
  program.compile("sm_" + std::to_string(architecture));
  return program.result(nvrtc().nvrtcGetCUBINSize, nvrtc().nvrtcGetCUBIN, "nvrtcGetCUBIN");
}

std::string compile_to_ptx(const std::string& text, int architecture) {
  const Program program(text);
  program.compile("compute_" + std::to_string(architecture));
  return program.result(nvrtc().nvrtcGetPTXSize, nvrtc().nvrtcGetPTX, "nvrtcGetPTX");
}

}  // namespace dlrun::cuda
