// Building and launching kernels.
#include "kernel.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "transfer.hpp"

namespace dlrun::opencl {

namespace {

constexpr size_t kLargestGroup = 256;
// Work items and groups of one launch; kernels loop over what is left. Enough to fill any device.
constexpr int64_t kMostItems = int64_t{1} << 22;
constexpr int64_t kMostGroups = int64_t{1} << 16;

std::string options_for(uint32_t dtype) {
  const std::string options = "-cl-std=CL1.2";
  return dtype == DLR_F32 ? options + " -cl-single-precision-constant" : options;
}

}  // namespace

size_t largest_group_of(cl_device_id device) {
  return std::bit_floor(
      std::min(device_fact<size_t>(device, CL_DEVICE_MAX_WORK_GROUP_SIZE), kLargestGroup));
}

BuiltKernel::BuiltKernel(ProgramStore& programs, cl_device_id device, uint64_t space,
                         const dlr_kernel& kernel, uint32_t dtype, uint32_t index_bits)
    : space_(space), dtype_(dtype), index_bits_(index_bits), name_(from_abi(kernel.name)) {
  const size_t group = largest_group_of(device);
  const KernelText text = kernel_text(kernel, dtype & 0xFFu, index_bits);
  form_ = text.form;
  for (const KernelParameter& parameter : text.parameters)
    kinds_.push_back(parameter.kind);
  cl_int status = CL_SUCCESS;
  kernel_ = Kernel(clCreateKernel(programs.program(text.program, options_for(dtype)),
                                  text.entry.c_str(), &status));
  check_cl(status, "clCreateKernel");
  size_t possible = 0;
  check_cl(clGetKernelWorkGroupInfo(kernel_.get(), device, CL_KERNEL_WORK_GROUP_SIZE,
                                    sizeof possible, &possible, nullptr),
           "clGetKernelWorkGroupInfo");
  largest_group_ = std::bit_floor(std::min(group, possible));
}

// Depends on the shape only, so that sums within a group are added in the same order each time.
BuiltKernel::Range BuiltKernel::range_of(int64_t items, int64_t width) const {
  if (form_ == KernelForm::kGroups) {
    const size_t lanes =
        std::bit_ceil(static_cast<size_t>(std::clamp<int64_t>(width, 1, kLargestGroup)));
    const size_t local = std::min(lanes, largest_group_);
    return {static_cast<size_t>(std::min(items, kMostGroups)) * local, local};
  }
  const int64_t elements = form_ == KernelForm::kRows ? items * width : items;
  const size_t wanted = static_cast<size_t>(std::min(elements, kMostItems));
  return {(wanted + largest_group_ - 1) / largest_group_ * largest_group_, largest_group_};
}

template <class T>
void BuiltKernel::set(const T& value) {
  check_cl(clSetKernelArg(kernel_.get(), next_++, sizeof value, &value), "clSetKernelArg");
}

void BuiltKernel::set_real(double value) {
  if (dtype_ == DLR_F64) return set(value);
  set(static_cast<float>(value));
}

void BuiltKernel::set_index(int64_t value) {
  if (index_bits_ == 64) return set(static_cast<cl_long>(value));
  set(static_cast<cl_int>(value));
}

void BuiltKernel::set_argument(KernelParameterKind kind, const dlr_kernel_arg& arg) {
  switch (kind) {
    case KernelParameterKind::kBuffer: {
      const cl_mem buffer = buffer_of(arg.mem, space_);
      set(buffer);
      return set(static_cast<cl_ulong>(buffer == nullptr ? 0 : arg.mem.offset));
    }
    case KernelParameterKind::kReal:
      return set_real(arg.real);
    case KernelParameterKind::kIndex:
      return set_index(arg.integer);
    case KernelParameterKind::kI32:
      return set(static_cast<cl_int>(arg.integer));
    case KernelParameterKind::kU32:
      return set(static_cast<cl_uint>(arg.integer));
    case KernelParameterKind::kU64:
      return set(static_cast<cl_ulong>(arg.integer));
  }
}

void BuiltKernel::set_arguments(int64_t items, const dlr_kernel_arg* args, uint32_t n_args) {
  if (n_args != kinds_.size()) {
    throw Error("kernel '" + name_ + "' takes " + std::to_string(kinds_.size()) +
                " arguments, not " + std::to_string(n_args));
  }
  next_ = 0;
  for (uint32_t i = 0; i < n_args; ++i)
    set_argument(kinds_[i], args[i]);
  set_index(items);
}

void BuiltKernel::launch(Stream& stream, int64_t items, int64_t width, const dlr_kernel_arg* args,
                         uint32_t n_args) {
  if (items <= 0 || width <= 0) return;
  const Range range = range_of(items, width);
  const int64_t end = form_ == KernelForm::kRows ? items * width : items;
  if (index_bits_ == 32 &&
      end > std::numeric_limits<int32_t>::max() - static_cast<int64_t>(range.global)) {
    throw Error("kernel '" + name_ + "' with 32-bit indices can't run over " + std::to_string(end) +
                    " elements",
                DLR_INTERNAL_ERROR);
  }
  set_arguments(items, args, n_args);
  if (form_ == KernelForm::kGroups) {
    check_cl(clSetKernelArg(kernel_.get(), next_, range.local * (dtype_ & 0xFFu) / 8, nullptr),
             "clSetKernelArg");
  }
  cl_event event = nullptr;
  check_cl(clEnqueueNDRangeKernel(stream.queue(), kernel_.get(), 1, nullptr, &range.global,
                                  &range.local, 0, nullptr, &event),
           "clEnqueueNDRangeKernel");
  stream.track(event, name_);
}

}  // namespace dlrun::opencl
