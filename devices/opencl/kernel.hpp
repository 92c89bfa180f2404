// Kernels: compiled once per content, kept in memory and on disk, launched in a stream.
#pragma once

#include <dlrun/kernel_cache.hpp>

#include <map>
#include <string>

#include "kernel_text.hpp"
#include "stream.hpp"

namespace dlrun::opencl {

// The programs of one device, by their text.
class ProgramStore {
 public:
  ProgramStore(cl_context context, cl_device_id device);

  // Throws with the compiler's messages when the text doesn't compile.
  cl_program program(const std::string& text, const std::string& options);

 private:
  Program from_binary(const std::string& key, const std::string& options) const;
  Program from_text(const std::string& text, const std::string& options) const;
  void keep(const std::string& key, cl_program program) const;

  cl_context context_;
  cl_device_id device_;
  std::string device_key_;  // platform, device and versions
  KernelCache binaries_;
  std::map<std::string, Program> programs_;  // by options and text
};

class BuiltKernel {
 public:
  BuiltKernel(ProgramStore& programs, cl_device_id device, uint64_t space, const dlr_kernel& kernel,
              uint32_t dtype, uint32_t index_bits);

  void launch(Stream& stream, int64_t items, int64_t width, const dlr_kernel_arg* args,
              uint32_t n_args);

 private:
  struct Range {
    size_t global;
    size_t local;
  };
  Range range_of(int64_t items, int64_t width) const;
  void set_arguments(int64_t items, const dlr_kernel_arg* args, uint32_t n_args);
  void set_argument(KernelParameterKind kind, const dlr_kernel_arg& arg);
  void set_real(double value);
  void set_index(int64_t value);
  template <class T>
  void set(const T& value);

  uint64_t space_;
  uint32_t dtype_;
  uint32_t index_bits_;
  std::string name_;
  KernelForm form_;
  std::vector<KernelParameterKind> kinds_;
  size_t largest_group_;  // a power of two
  Kernel kernel_;
  cl_uint next_ = 0;  // argument to set
};

// The largest power of two up to the device's and our own limit of work items that share memory.
size_t largest_group_of(cl_device_id device);

}  // namespace dlrun::opencl
