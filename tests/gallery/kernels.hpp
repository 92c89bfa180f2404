// A kernel written out by hand, without the SDK's build, for plugins that launch it where they
// shouldn't; and the same with a text that only a C++ compiler takes, as the CPU build's is.
#pragma once

#include <dlrun/plugin.hpp>

#include <csignal>

namespace gallery {

// y = 1 y
template <class T>
void keep_items(const dlr_kernel_arg* args, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    reinterpret_cast<T*>(args[0].mem.handle + args[0].mem.offset)[i] *= T(1);
}
// In every thread that has some items.
inline void crash(const dlr_kernel_arg*, int64_t, int64_t) {
  std::raise(SIGSEGV);
}
inline const dlr_cpu_variant kCrashing = {
    sizeof(dlr_cpu_variant), dlrun::literal("baseline"), crash, crash, crash, crash};
inline const dlr_cpu_variant kBaseline = {sizeof(dlr_cpu_variant), dlrun::literal("baseline"),
                                          keep_items<float>,       keep_items<double>,
                                          keep_items<float>,       keep_items<double>};
inline const dlr_cpu_variant* const kVariants[] = {&kBaseline};
inline const dlr_cpu_variant* const kCrashingVariants[] = {&kCrashing};

constexpr dlr_kernel keep(dlr_string source, const dlr_cpu_variant* const* variants = kVariants) {
  return {sizeof(dlr_kernel),
          dlrun::literal("keep"),
          dlrun::literal("DLR_OUT(real) y"),
          source,
          variants,
          1,
          1,
          1,
          0,
          0};
}
inline const dlr_kernel kKeep =
    keep(dlrun::literal("DLR_ELEMENTWISE(keep, DLR_OUT(real) y) { DLR_FOR(i) y[i] *= R(1); }"));
inline const dlr_kernel kCrashInEachThread = keep({}, kCrashingVariants);
inline const dlr_kernel kKeepInCpp = keep(dlrun::literal(
    "DLR_ELEMENTWISE(keep, DLR_OUT(real) y) { auto one = R(1); DLR_FOR(i) y[i] *= one; }"));

}  // namespace gallery
