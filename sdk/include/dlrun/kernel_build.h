// kernel_build.h: compiles a kernel file for one instruction set.
//
// The plugin's build makes one source file that defines DLR_KERNEL_FILE and includes this, and
// compiles it once per instruction set with -DDLR_ISA=baseline, avx2 or avx512 and the compiler's
// flags for it.
#include <dlrun/kernel_cpu.h>

#define DLR_KERNEL(name, ...)                                                 \
  static inline void name(int64_t dlr_begin, int64_t dlr_end, __VA_ARGS__);   \
  void name##_entry(const dlr_kernel_arg* args, int64_t begin, int64_t end);  \
  void name##_entry(const dlr_kernel_arg* args, int64_t begin, int64_t end) { \
    ::dlrun_kernel_dialect::call(name, args, begin, end);                     \
  }                                                                           \
  static inline void name([[maybe_unused]] int64_t dlr_begin, [[maybe_unused]] int64_t dlr_end, __VA_ARGS__)
#define DLR_ELEMENTWISE(name, ...) DLR_KERNEL(name, __VA_ARGS__)
#define DLR_ELEMENTWISE_ZERO(name, ...) DLR_KERNEL(name, __VA_ARGS__)

#pragma GCC visibility push(hidden)
namespace kernels {
namespace DLR_ISA {
namespace f32 {
using namespace dlrun_kernel_dialect;
using real = float;
using acc_t = float;
using idx = int32_t;
#include DLR_KERNEL_FILE
}  // namespace f32
namespace f64 {
using namespace dlrun_kernel_dialect;
using real = double;
using acc_t = double;
using idx = int32_t;
#include DLR_KERNEL_FILE
}  // namespace f64
namespace f32_wide {
using namespace dlrun_kernel_dialect;
using real = float;
using acc_t = float;
using idx = int64_t;
#include DLR_KERNEL_FILE
}  // namespace f32_wide
namespace f64_wide {
using namespace dlrun_kernel_dialect;
using real = double;
using acc_t = double;
using idx = int64_t;
#include DLR_KERNEL_FILE
}  // namespace f64_wide
}  // namespace DLR_ISA
}  // namespace kernels
#pragma GCC visibility pop
