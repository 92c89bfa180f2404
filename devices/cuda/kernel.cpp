// Building and launching kernels.
#include "kernel.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace dlrun::cuda {

namespace {

// Threads and blocks of one launch; kernels loop over what is left. Enough to fill any device.
constexpr int64_t kMostThreads = int64_t{1} << 22;
constexpr int64_t kMostBlocks = int64_t{1} << 16;
constexpr size_t kLargestArgument = 8;

}  // namespace

BuiltKernel::BuiltKernel(ProgramStore& programs, uint64_t space, const dlr_kernel& kernel,
                         uint32_t dtype, uint32_t index_bits)
    : space_(space),
      dtype_(dtype),
      index_bits_(index_bits),
      name_(from_abi(kernel.name)),
      form_(kernel_form(from_abi(kernel.source), name_)) {
  for (const KernelParameter& parameter : parse_parameters(from_abi(kernel.parameters)))
    kinds_.push_back(parameter.kind);
  const std::string text = program_text(kernel, dtype & 0xFFu, index_bits) + entry_point(kernel);
  function_ = programs.module(text).function(entry_name(kernel));
  arguments_.resize((kinds_.size() + 1) * kLargestArgument);
}

// Depends on the shape only, so that sums within a block are added in the same order each time.
BuiltKernel::Grid BuiltKernel::grid_of(int64_t items, int64_t width) const {
  if (form_ == KernelForm::kGroups) {
    const auto lanes = static_cast<uint64_t>(std::clamp<int64_t>(width, 1, kLargestBlock));
    return {static_cast<unsigned>(std::min(items, kMostBlocks)),
            static_cast<unsigned>(std::bit_ceil(lanes))};
  }
  const int64_t elements = form_ == KernelForm::kRows ? items * width : items;
  const int64_t wanted = std::min(elements, kMostThreads);
  return {static_cast<unsigned>((wanted + kLargestBlock - 1) / kLargestBlock), kLargestBlock};
}

// Parameters lie as the members of a struct would.
template <class T>
void BuiltKernel::set(T value) {
  arguments_end_ = (arguments_end_ + sizeof value - 1) / sizeof value * sizeof value;
  std::memcpy(arguments_.data() + arguments_end_, &value, sizeof value);
  arguments_end_ += sizeof value;
}

void BuiltKernel::set_real(double value) {
  if (dtype_ == DLR_F64) return set(value);
  set(static_cast<float>(value));
}

void BuiltKernel::set_index(int64_t value) {
  if (index_bits_ == 64) return set(value);
  set(static_cast<int32_t>(value));
}

void BuiltKernel::set_argument(KernelParameterKind kind, const dlr_kernel_arg& arg) {
  switch (kind) {
    case KernelParameterKind::kBuffer:
      return set(address_of(arg.mem, space_));
    case KernelParameterKind::kReal:
      return set_real(arg.real);
    case KernelParameterKind::kIndex:
      return set_index(arg.integer);
    case KernelParameterKind::kI32:
      return set(static_cast<int32_t>(arg.integer));
    case KernelParameterKind::kU32:
      return set(static_cast<uint32_t>(arg.integer));
    case KernelParameterKind::kU64:
      return set(static_cast<uint64_t>(arg.integer));
  }
}

void BuiltKernel::set_arguments(int64_t items, const dlr_kernel_arg* args, uint32_t n_args) {
  if (n_args != kinds_.size()) {
    throw Error("kernel '" + name_ + "' takes " + std::to_string(kinds_.size()) +
                    " arguments, not " + std::to_string(n_args),
                DLR_INTERNAL_ERROR);
  }
  arguments_end_ = 0;
  for (uint32_t i = 0; i < n_args; ++i)
    set_argument(kinds_[i], args[i]);
  set_index(items);
}

void BuiltKernel::launch(Stream& stream, int64_t items, int64_t width, const dlr_kernel_arg* args,
                         uint32_t n_args) {
  if (items <= 0 || width <= 0) return;
  const Grid grid = grid_of(items, width);
  const int64_t end = form_ == KernelForm::kRows ? items * width : items;
  const int64_t step = int64_t{grid.blocks} * grid.threads;
  if (index_bits_ == 32 && end > std::numeric_limits<int32_t>::max() - step) {
    throw Error("kernel '" + name_ + "' with 32-bit indices can't run over " + std::to_string(end) +
                    " elements",
                DLR_INTERNAL_ERROR);
  }
  set_arguments(items, args, n_args);
  void* extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, arguments_.data(), CU_LAUNCH_PARAM_BUFFER_SIZE,
                   &arguments_end_, CU_LAUNCH_PARAM_END};
  stream.timed(name_, [&] {
    check_cuda(driver().cuLaunchKernel(function_, grid.blocks, 1, 1, grid.threads, 1, 1, 0,
                                       stream.get(), nullptr, extra),
               "cuLaunchKernel");
  });
}

}  // namespace dlrun::cuda
