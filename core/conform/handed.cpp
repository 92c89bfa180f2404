#include "core/conform/handed.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/conform/runner.hpp"
#include "core/host/error.hpp"

namespace dlrun::conform {

bool Handed::is_watched(const dlr_context& context) const {
  return layer_.empty() || (context.layer != nullptr && context.layer->name == layer_);
}

void Handed::launched(const dlr_context& context, const dlr_kernel& kernel) {
  if (is_watched(context)) kernels_.insert(&kernel);
}

void Handed::reserved_set(const dlr_context& context, const char* of_struct) {
  if (is_watched(context)) reserved_.insert(of_struct);
}

void Handed::require_listed(const dlr_kernel* const* kernels, uint64_t n_kernels) const {
  for (const dlr_kernel* kernel : kernels_) {
    if (std::find(kernels, kernels + n_kernels, kernel) == kernels + n_kernels)
      fail(fmt::format("it launches the kernel {}, which isn't listed",
                       host::from_abi(kernel->name)),
           "each of them in `kernels` of its type");
  }
}

void Handed::require_nothing_reserved() const {
  if (!reserved_.empty())
    fail(fmt::format("a reserved field of {} isn't 0", *reserved_.begin()), "0");
}

}  // namespace dlrun::conform
