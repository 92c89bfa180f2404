// The double of CUDA's libraries (tests/doubles/cuda) that the tests' build of the cuda device
// opens.
#pragma once

#include <dlfcn.h>
#include <dlrun/abi.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/unit/cache_folder.hpp"
#include "tests/unit/roots.hpp"

namespace dlrun::test {

// Sets what goes wrong by plan, "fail_call=20", while it lives.
class CudaDouble {
 public:
  // The device's library, as seen from the build's folder of plugins.
  static constexpr const char* kLibrary = "../tests/doubles/cuda/device_cuda";
  static std::string folder() { return build_root() + "/tests/doubles/cuda"; }
  // Puts the double's build of the device before the real one.
  static void prefer(std::vector<std::string>& plugin_path) {
    plugin_path.insert(plugin_path.begin(), folder());
  }
  static bool is_built() { return std::filesystem::exists(folder() + "/device_cuda.so"); }

  explicit CudaDouble(const std::string& words = "") {
    CacheFolder::of_process();
    setenv("DLRUN_CUDA_DOUBLE", words.c_str(), 1);
    if (is_built())
      library_ = dlopen((folder() + "/cuda_double.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  ~CudaDouble() { unsetenv("DLRUN_CUDA_DOUBLE"); }
  CudaDouble(const CudaDouble&) = delete;
  CudaDouble& operator=(const CudaDouble&) = delete;

  // What was done wrong since the last time, and what was left when the last device was closed.
  std::string problems() const {
    return library_ == nullptr ? "" : function<const char*()>("cuda_double_problems")();
  }
  // How many calls there were that could have failed, since the first device was looked for.
  uint64_t calls() const { return function<uint64_t()>("cuda_double_calls")(); }
  // Makes a kernel known that no plugin provides.
  void add(const dlr_kernel& kernel) const {
    function<void(const dlr_kernel*)>("cuda_double_add_kernel")(&kernel);
  }

  template <class Function>
  Function* function(const char* name) const {
    return reinterpret_cast<Function*>(dlsym(library_, name));
  }

 private:
  void* library_ = nullptr;
};

}  // namespace dlrun::test
