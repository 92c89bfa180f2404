// isa.cpp: asks the processor what it can do.
#include "isa.hpp"

#include <dlrun/error.hpp>

namespace dlrun::cpu {
namespace {

constexpr Isa kAll[] = {Isa::kBaseline, Isa::kAvx2, Isa::kAvx512};

Isa best_isa() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return Isa::kBaseline;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return avx512 ? Isa::kAvx512 : Isa::kAvx2;
#else
  return Isa::kBaseline;
#endif
}

}  // namespace

std::string_view name_of(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    default:
      return "baseline";
  }
}

Isa choose_isa(std::string_view wanted) {
  const Isa best = best_isa();
  if (wanted.empty()) return best;
  for (const Isa isa : kAll) {
    if (name_of(isa) != wanted) continue;
    if (isa <= best) return isa;
    throw Error("this processor lacks " + std::string(wanted) + "; the best it has is " +
                std::string(name_of(best)));
  }
  throw Error("unknown instruction set '" + std::string(wanted) +
              "'; known are baseline, avx2 and avx512");
}

}  // namespace dlrun::cpu
