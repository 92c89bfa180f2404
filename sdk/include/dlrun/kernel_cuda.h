/* kernel_cuda.h: the kernel dialect as CUDA C++, for NVRTC.
 *
 * A CUDA device puts `#define DLR_REAL_BITS 32` (or 64) and `#define DLR_INDEX_BITS 32` (or 64)
 * before this text, the kernel file behind it, and generates an entry point per kernel
 * (dlrun/kernel_source.hpp). A kernel is a plain device function; its first two parameters say how
 * many items there are and where its block's memory is. Blocks are one-dimensional. */
#if DLR_REAL_BITS == 64
typedef double real;
typedef unsigned long long dlr_real_bits;
#define dlr_math(name) name
#define dlr_as_bits(x) ((dlr_real_bits)__double_as_longlong(x))
#define dlr_as_real(x) __longlong_as_double((long long)(x))
#else
typedef float real;
typedef unsigned int dlr_real_bits;
#define dlr_math(name) name##f
#define dlr_as_bits(x) __float_as_uint(x)
#define dlr_as_real(x) __uint_as_float(x)
#endif
#define R(x) ((real)(x))
typedef real acc_t;
#if DLR_INDEX_BITS == 64
typedef long long idx;
#else
typedef int idx;
#endif
typedef int i32;
typedef unsigned int u32;
typedef unsigned long long u64;

#define DLR_FN static __device__ inline
#define DLR_GLOBAL
#define DLR_IN(T) const T*
#define DLR_OUT(T) T*

DLR_FN real dlr_exp(real x) {
  return dlr_math(exp)(x);
}
DLR_FN real dlr_log(real x) {
  return dlr_math(log)(x);
}
DLR_FN real dlr_pow(real x, real y) {
  return dlr_math(pow)(x, y);
}
DLR_FN real dlr_tanh(real x) {
  return dlr_math(tanh)(x);
}
DLR_FN real dlr_sqrt(real x) {
  return dlr_math(sqrt)(x);
}
DLR_FN real dlr_floor(real x) {
  return dlr_math(floor)(x);
}
DLR_FN real dlr_round(real x) {
  return dlr_math(round)(x);
}
DLR_FN real dlr_abs(real x) {
  return dlr_math(fabs)(x);
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

/* This thread's first element and how far the next one is. In the width of idx: a grid of many
 * blocks has more threads than 32 bits can count. */
DLR_FN idx dlr_thread() {
  return (idx)blockIdx.x * (idx)blockDim.x + (idx)threadIdx.x;
}
DLR_FN idx dlr_threads() {
  return (idx)gridDim.x * (idx)blockDim.x;
}

/* Sum and maximum over a block, returned to all of its threads; every thread must get here. The
 * block's size is a power of two. The order of additions depends on it alone. */
DLR_FN real dlr_group_sum(real x, real* memory) {
  const int lane = (int)threadIdx.x;
  memory[lane] = x;
  __syncthreads();
  for (int reach = (int)blockDim.x / 2; reach > 0; reach /= 2) {
    if (lane < reach) memory[lane] += memory[lane + reach];
    __syncthreads();
  }
  const real sum = memory[0];
  __syncthreads();
  return sum;
}
DLR_FN real dlr_group_max(real x, real* memory) {
  const int lane = (int)threadIdx.x;
  memory[lane] = x;
  __syncthreads();
  for (int reach = (int)blockDim.x / 2; reach > 0; reach /= 2) {
    if (lane < reach) memory[lane] = dlr_fmax(memory[lane], memory[lane + reach]);
    __syncthreads();
  }
  const real most = memory[0];
  __syncthreads();
  return most;
}
/* By comparison, not atomicAdd: that rounds denormal floats to zero in global memory. */
DLR_FN void dlr_atomic_add(real* to, real value) {
  dlr_real_bits* bits = (dlr_real_bits*)to;
  dlr_real_bits seen = *(volatile dlr_real_bits*)bits;
  dlr_real_bits expected;
  do {
    expected = seen;
    seen = atomicCAS(bits, expected, dlr_as_bits(dlr_as_real(expected) + value));
  } while (seen != expected);
}

#define DLR_KERNEL(name, ...) static __device__ void name(const idx dlr_items, real* dlr_memory, __VA_ARGS__)
#define DLR_ELEMENTWISE(name, ...) DLR_KERNEL(name, __VA_ARGS__)
#define DLR_ELEMENTWISE_ZERO(name, ...) DLR_KERNEL(name, __VA_ARGS__)

#define DLR_FOR(i) for (idx i = dlr_thread(); i < dlr_items; i += dlr_threads())
#define DLR_ROWS(r, cols)                                                                     \
  for (idx dlr_item = dlr_thread(); dlr_item < dlr_items * (cols); dlr_item += dlr_threads()) \
    for (idx r = dlr_item / (cols), dlr_row_once = 1; dlr_row_once; dlr_row_once = 0)
#define DLR_COLS(c, cols) for (idx c = dlr_item % (cols), dlr_col_once = 1; dlr_col_once; dlr_col_once = 0)
#define DLR_GROUPS(g) for (idx g = (idx)blockIdx.x; g < dlr_items; g += (idx)gridDim.x)
#define DLR_LANES(k, n) for (idx k = (idx)threadIdx.x; k < (n); k += (idx)blockDim.x)
#define DLR_LANES_SUM(k, n, acc) DLR_LANES(k, n)
#define DLR_LANES_MAX(k, n, acc) DLR_LANES(k, n)
#define DLR_GROUP_SUM(x) dlr_group_sum((x), dlr_memory)
#define DLR_GROUP_MAX(x) dlr_group_max((x), dlr_memory)
#define DLR_LANE0 if (threadIdx.x == 0)
#define DLR_ATOMIC_ADD(p, v) dlr_atomic_add((p), (v))

#include <dlrun/kernel_random.h>
