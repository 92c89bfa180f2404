// kernel_declare.h: makes the kernels of a kernel file known to the plugin's own code.
//
// The generated header of a plugin defines DLR_KERNEL_FILE, DLR_KERNEL_TEXT (the file as a string)
// and DLR_KERNEL_USES_ATOMICS (0 or 1), and includes this; afterwards `kernels::NAME` is a `const
// dlr_kernel` to launch, for each DLR_KERNEL(NAME, ...). An instruction set that wasn't built is a
// weak symbol that stays NULL.
#include <dlrun/kernel_cpu.h>

// Else two libraries whose kernels have one name would share the first's, however they are opened.
#pragma GCC visibility push(hidden)
namespace kernels {
using namespace dlrun_kernel_dialect;
using real = float;
using acc_t = float;
using idx = int32_t;

#define DLR_WEAK_ENTRY(isa, type, name)                                                            \
  namespace isa {                                                                                  \
  namespace type {                                                                                 \
  __attribute__((weak)) void name##_entry(const dlr_kernel_arg* args, int64_t begin, int64_t end); \
  }                                                                                                \
  }
#define DLR_VARIANT(isa, name)                                                                        \
  DLR_WEAK_ENTRY(isa, f32, name)                                                                      \
  DLR_WEAK_ENTRY(isa, f64, name)                                                                      \
  DLR_WEAK_ENTRY(isa, f32_wide, name)                                                                 \
  DLR_WEAK_ENTRY(isa, f64_wide, name)                                                                 \
  inline const dlr_cpu_variant name##_##isa = {sizeof(dlr_cpu_variant),     {#isa, sizeof(#isa) - 1}, \
                                               isa::f32::name##_entry,      isa::f64::name##_entry,   \
                                               isa::f32_wide::name##_entry, isa::f64_wide::name##_entry};

/* `parameters`: the list as written; taken before the macros in it expand. */
#define DLR_DECLARE_KERNEL(name, parameters, elementwise, zero_to_zero, ...)                                \
  DLR_VARIANT(baseline, name)                                                                               \
  DLR_VARIANT(avx2, name)                                                                                   \
  DLR_VARIANT(avx512, name)                                                                                 \
  inline const dlr_cpu_variant* const name##_variants[] = {&name##_baseline, &name##_avx2, &name##_avx512}; \
  inline const dlr_kernel name = {sizeof(dlr_kernel),                                                       \
                                  {#name, sizeof(#name) - 1},                                               \
                                  {parameters, sizeof(parameters) - 1},                                     \
                                  {DLR_KERNEL_TEXT, sizeof(DLR_KERNEL_TEXT) - 1},                           \
                                  name##_variants,                                                          \
                                  3,                                                                        \
                                  elementwise,                                                              \
                                  zero_to_zero,                                                             \
                                  DLR_KERNEL_USES_ATOMICS,                                                  \
                                  0};                                                                       \
  [[maybe_unused]] static inline void name##_as_written([[maybe_unused]] int64_t dlr_begin,                 \
                                                        [[maybe_unused]] int64_t dlr_end, __VA_ARGS__)
#define DLR_KERNEL(name, ...) DLR_DECLARE_KERNEL(name, #__VA_ARGS__, 0, 0, __VA_ARGS__)
#define DLR_ELEMENTWISE(name, ...) DLR_DECLARE_KERNEL(name, #__VA_ARGS__, 1, 0, __VA_ARGS__)
#define DLR_ELEMENTWISE_ZERO(name, ...) DLR_DECLARE_KERNEL(name, #__VA_ARGS__, 1, 1, __VA_ARGS__)

// The bodies are compiled elsewhere (kernel_build.h); here they are only read.
#undef DLR_SIMD
#define DLR_SIMD
#undef DLR_PRAGMA
#define DLR_PRAGMA(text)
#include DLR_KERNEL_FILE
}  // namespace kernels
#pragma GCC visibility pop

#undef DLR_KERNEL
#undef DLR_ELEMENTWISE
#undef DLR_ELEMENTWISE_ZERO
#undef DLR_DECLARE_KERNEL
#undef DLR_VARIANT
#undef DLR_WEAK_ENTRY
#undef R
