// Compiling, and the two caches before it.
#include "kernel.hpp"
#include "nvrtc.hpp"

namespace dlrun::cuda {

Module::Module(const std::string& cubin) {
  check_cuda(driver().cuModuleLoadData(&module_, cubin.data()), "cuModuleLoadData");
}

Module::~Module() {
  driver().cuModuleUnload(module_);
}

CUfunction Module::function(const std::string& name) const {
  CUfunction function = nullptr;
  check_cuda(driver().cuModuleGetFunction(&function, module_, name.c_str()), "cuModuleGetFunction");
  return function;
}

const Module& ProgramStore::module(const std::string& text) {
  const auto known = modules_.find(text);
  if (known != modules_.end()) return known->second;
  const std::string key = device_key_ + text;
  std::optional<std::string> cubin = binaries_.load(key);
  if (!cubin) {
    cubin = compile_to_cubin(text, architecture_);
    binaries_.store(key, *cubin);
  }
  return modules_.try_emplace(text, *cubin).first->second;
}

}  // namespace dlrun::cuda
