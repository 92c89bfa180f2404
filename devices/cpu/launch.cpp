// launch.cpp: picks a kernel's CPU build and runs it over the host's threads.
#include "launch.hpp"

#include "parallel.hpp"

namespace dlrun::cpu {
namespace {

dlr_cpu_entry entry_for(const dlr_cpu_variant& variant, uint32_t dtype, uint32_t index_bits) {
  const bool wide = index_bits == 64;
  if (dtype == DLR_F32) return wide ? variant.f32_wide : variant.f32;
  if (dtype == DLR_F64) return wide ? variant.f64_wide : variant.f64;
  return nullptr;
}

dlr_cpu_entry find_entry(Isa isa, const dlr_kernel& kernel, uint32_t dtype, uint32_t index_bits) {
  for (uint32_t i = 0; i < kernel.n_variants; ++i) {
    const dlr_cpu_variant& variant = *kernel.variants[i];
    if (from_abi(variant.isa) == name_of(isa)) return entry_for(variant, dtype, index_bits);
  }
  return nullptr;
}

std::string type_name(uint32_t dtype) {
  return std::string(1, static_cast<char>(dtype >> 8)) + std::to_string(dtype & 0xFFu);
}

}  // namespace

dlr_built_kernel* build_kernel(Isa best, const dlr_kernel& kernel, uint32_t dtype,
                               uint32_t index_bits) {
  for (int level = static_cast<int>(best); level >= 0; --level) {
    const dlr_cpu_entry entry = find_entry(static_cast<Isa>(level), kernel, dtype, index_bits);
    if (entry != nullptr) return new dlr_built_kernel{entry};
  }
  throw Declined("kernel '" + std::string(from_abi(kernel.name)) + "' has no CPU build for " +
                 type_name(dtype) + " with indices of " + std::to_string(index_bits) + " bits");
}

void launch(const dlr_built_kernel& kernel, int64_t items, int64_t width,
            const dlr_kernel_arg* args) {
  const dlr_cpu_entry entry = kernel.entry;
  const int64_t grain = grain_for(width);
  if (items <= grain) {
    if (items > 0) entry(args, 0, items);
    return;
  }
  parallel_for(items, grain, [=](int64_t begin, int64_t end) { entry(args, begin, end); });
}

}  // namespace dlrun::cpu
