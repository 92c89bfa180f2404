/* kernel_opencl.h: the kernel dialect as OpenCL C 1.2.
 *
 * An OpenCL device puts `#define DLR_REAL_BITS 32` (or 64) and `#define DLR_INDEX_BITS 32` (or 64)
 * before this text, the kernel file behind it, and generates an entry point per kernel
 * (dlrun/kernel_source.hpp). A kernel is a plain function; its first two parameters say how many
 * items there are and where its group's memory is. */
#if DLR_REAL_BITS == 64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef double real;
typedef ulong dlr_real_bits;
#define dlr_as_bits(x) as_ulong(x)
#define dlr_as_real(x) as_double(x)
#define dlr_compare_exchange atom_cmpxchg
#pragma OPENCL EXTENSION cl_khr_int64_base_atomics : enable
#else
typedef float real;
typedef uint dlr_real_bits;
#define dlr_as_bits(x) as_uint(x)
#define dlr_as_real(x) as_float(x)
#define dlr_compare_exchange atomic_cmpxchg
#endif
#define R(x) ((real)(x))
typedef real acc_t;
#if DLR_INDEX_BITS == 64
typedef long idx;
#else
typedef int idx;
#endif
typedef int i32;
typedef uint u32;
typedef ulong u64;

#define DLR_FN static inline
#define DLR_GLOBAL __global
#define DLR_IN(T) __global const T*
#define DLR_OUT(T) __global T*

DLR_FN real dlr_exp(real x) {
  return exp(x);
}
DLR_FN real dlr_log(real x) {
  return log(x);
}
DLR_FN real dlr_pow(real x, real y) {
  return pow(x, y);
}
DLR_FN real dlr_tanh(real x) {
  return tanh(x);
}
DLR_FN real dlr_sqrt(real x) {
  return sqrt(x);
}
DLR_FN real dlr_floor(real x) {
  return floor(x);
}
DLR_FN real dlr_round(real x) {
  return round(x);
}
DLR_FN real dlr_abs(real x) {
  return fabs(x);
}
DLR_FN real dlr_fmax(real a, real b) {
  return a > b ? a : b;
}
DLR_FN real dlr_fmin(real a, real b) {
  return a < b ? a : b;
}
DLR_FN i32 dlr_isnan(real x) {
  return x != x;
}

/* Sum and maximum over a group, returned to all of its lanes; every lane must get here. The group's
 * size is a power of two. The order of additions depends on it alone. */
DLR_FN real dlr_group_sum(real x, __local real* memory) {
  const int lane = (int)get_local_id(0);
  memory[lane] = x;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int reach = (int)get_local_size(0) / 2; reach > 0; reach /= 2) {
    if (lane < reach) memory[lane] += memory[lane + reach];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const real sum = memory[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return sum;
}
DLR_FN real dlr_group_max(real x, __local real* memory) {
  const int lane = (int)get_local_id(0);
  memory[lane] = x;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int reach = (int)get_local_size(0) / 2; reach > 0; reach /= 2) {
    if (lane < reach) memory[lane] = dlr_fmax(memory[lane], memory[lane + reach]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const real most = memory[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return most;
}
DLR_FN void dlr_atomic_add(__global real* to, real value) {
  volatile __global dlr_real_bits* bits = (volatile __global dlr_real_bits*)to;
  dlr_real_bits seen = *bits;
  dlr_real_bits expected;
  do {
    expected = seen;
    seen = dlr_compare_exchange(bits, expected, dlr_as_bits(dlr_as_real(expected) + value));
  } while (seen != expected);
}

#define DLR_KERNEL(name, ...) static void name(const idx dlr_items, __local real* dlr_memory, __VA_ARGS__)
#define DLR_ELEMENTWISE(name, ...) DLR_KERNEL(name, __VA_ARGS__)
#define DLR_ELEMENTWISE_ZERO(name, ...) DLR_KERNEL(name, __VA_ARGS__)

#define DLR_FOR(i) for (idx i = (idx)get_global_id(0); i < dlr_items; i += (idx)get_global_size(0))
#define DLR_ROWS(r, cols)                                                                                        \
  for (idx dlr_item = (idx)get_global_id(0); dlr_item < dlr_items * (cols); dlr_item += (idx)get_global_size(0)) \
    for (idx r = dlr_item / (cols), dlr_row_once = 1; dlr_row_once; dlr_row_once = 0)
#define DLR_COLS(c, cols) for (idx c = dlr_item % (cols), dlr_col_once = 1; dlr_col_once; dlr_col_once = 0)
#define DLR_GROUPS(g) for (idx g = (idx)get_group_id(0); g < dlr_items; g += (idx)get_num_groups(0))
#define DLR_LANES(k, n) for (idx k = (idx)get_local_id(0); k < (n); k += (idx)get_local_size(0))
#define DLR_LANES_SUM(k, n, acc) DLR_LANES(k, n)
#define DLR_LANES_MAX(k, n, acc) DLR_LANES(k, n)
#define DLR_GROUP_SUM(x) dlr_group_sum((x), dlr_memory)
#define DLR_GROUP_MAX(x) dlr_group_max((x), dlr_memory)
#define DLR_LANE0 if (get_local_id(0) == 0)
#define DLR_ATOMIC_ADD(p, v) dlr_atomic_add((p), (v))

#include <dlrun/kernel_random.h>
