// Kernels: compiled once per content, kept in memory and on disk, launched in a stream.
#pragma once

#include <dlrun/kernel_cache.hpp>

#include <map>
#include <string>
#include <vector>

#include "kernel_text.hpp"
#include "stream.hpp"

namespace dlrun::cuda {

class Module {
 public:
  explicit Module(const std::string& cubin);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  CUfunction function(const std::string& name) const;

 private:
  CUmodule module_ = nullptr;
};

// The programs of one device, by their text.
class ProgramStore {
 public:
  // `device_key`: name and versions of device, driver and compiler.
  ProgramStore(std::string device_key, int architecture)
      : device_key_(std::move(device_key)), architecture_(architecture) {}

  // Throws with the compiler's messages when the text doesn't compile.
  const Module& module(const std::string& text);

 private:
  std::string device_key_;
  int architecture_;
  KernelCache binaries_;
  std::map<std::string, Module> modules_;
};

class BuiltKernel {
 public:
  BuiltKernel(ProgramStore& programs, uint64_t space, const dlr_kernel& kernel, uint32_t dtype,
              uint32_t index_bits);

  void launch(Stream& stream, int64_t items, int64_t width, const dlr_kernel_arg* args,
              uint32_t n_args);

 private:
  struct Grid {
    unsigned blocks;
    unsigned threads;
  };
  Grid grid_of(int64_t items, int64_t width) const;
  void set_arguments(int64_t items, const dlr_kernel_arg* args, uint32_t n_args);
  void set_argument(KernelParameterKind kind, const dlr_kernel_arg& arg);
  void set_real(double value);
  void set_index(int64_t value);
  template <class T>
  void set(T value);

  uint64_t space_;
  uint32_t dtype_;
  uint32_t index_bits_;
  std::string name_;
  KernelForm form_;
  std::vector<KernelParameterKind> kinds_;
  CUfunction function_;
  std::vector<char> arguments_;  // as the entry point's parameters lie in memory
  size_t arguments_end_ = 0;
};

}  // namespace dlrun::cuda
