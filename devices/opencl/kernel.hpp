// Kernels: built from a program of the store, launched in a stream.
#pragma once

#include <string>
#include <vector>

#include "kernel_text.hpp"
#include "program_store.hpp"
#include "stream.hpp"

namespace dlrun::opencl {

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
