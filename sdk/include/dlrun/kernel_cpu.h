// kernel_cpu.h: the kernel dialect as parallel, vectorised C++ for the host's cores.
//
// A kernel becomes a function over a range of its items; the host splits the items among threads,
// the compiler vectorises DLR_FOR, DLR_COLS and DLR_LANES. docs/write-a-layer.md describes the
// dialect.
#pragma once

#include <dlrun/abi.h>
#include <math.h>

#include <cstdint>
#include <utility>

#ifndef DLR_ISA
#define DLR_ISA baseline
#endif

// Inline functions of one instruction set must not stand in for another's when a plugin is linked.
namespace dlrun_kernel_dialect {
inline namespace DLR_ISA {

using i32 = int32_t;
using u32 = uint32_t;
using u64 = uint64_t;

// glibc keeps its vector forms of these for -ffast-math; they are as accurate (4 ulp) without it.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define DLR_VECTOR_MATH __attribute__((simd("notinbranch")))
extern "C" {
DLR_VECTOR_MATH float expf(float) noexcept;
DLR_VECTOR_MATH double exp(double) noexcept;
DLR_VECTOR_MATH float logf(float) noexcept;
DLR_VECTOR_MATH double log(double) noexcept;
DLR_VECTOR_MATH float powf(float, float) noexcept;
DLR_VECTOR_MATH double pow(double, double) noexcept;
DLR_VECTOR_MATH float tanhf(float) noexcept;
DLR_VECTOR_MATH double tanh(double) noexcept;
}
#undef DLR_VECTOR_MATH
#endif

#define DLR_FN [[maybe_unused]] static inline

DLR_FN float dlr_exp(float x) {
  return expf(x);
}
DLR_FN double dlr_exp(double x) {
  return exp(x);
}
DLR_FN float dlr_log(float x) {
  return logf(x);
}
DLR_FN double dlr_log(double x) {
  return log(x);
}
DLR_FN float dlr_pow(float x, float y) {
  return powf(x, y);
}
DLR_FN double dlr_pow(double x, double y) {
  return pow(x, y);
}
DLR_FN float dlr_tanh(float x) {
  return tanhf(x);
}
DLR_FN double dlr_tanh(double x) {
  return tanh(x);
}
DLR_FN float dlr_sqrt(float x) {
  return __builtin_sqrtf(x);
}
DLR_FN double dlr_sqrt(double x) {
  return __builtin_sqrt(x);
}
DLR_FN float dlr_floor(float x) {
  return __builtin_floorf(x);
}
DLR_FN double dlr_floor(double x) {
  return __builtin_floor(x);
}
DLR_FN float dlr_round(float x) {
  return __builtin_roundf(x);
}
DLR_FN double dlr_round(double x) {
  return __builtin_round(x);
}
DLR_FN float dlr_abs(float x) {
  return __builtin_fabsf(x);
}
DLR_FN double dlr_abs(double x) {
  return __builtin_fabs(x);
}
DLR_FN float dlr_fmax(float a, float b) {
  return a > b ? a : b;
}
DLR_FN double dlr_fmax(double a, double b) {
  return a > b ? a : b;
}
DLR_FN float dlr_fmin(float a, float b) {
  return a < b ? a : b;
}
DLR_FN double dlr_fmin(double a, double b) {
  return a < b ? a : b;
}
DLR_FN i32 dlr_isnan(float x) {
  return x != x;
}
DLR_FN i32 dlr_isnan(double x) {
  return x != x;
}

#include <dlrun/kernel_random.h>

template <class T>
inline void atomic_add(T* to, T value) {
  T seen = *to;
  T sum = seen + value;
  while (!__atomic_compare_exchange(to, &seen, &sum, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    sum = seen + value;
  }
}

// One argument, as the kernel's parameter type wants it.
template <class T>
struct Unpack {
  static T from(const dlr_kernel_arg& arg) { return static_cast<T>(arg.integer); }
};
template <>
struct Unpack<float> {
  static float from(const dlr_kernel_arg& arg) { return static_cast<float>(arg.real); }
};
template <>
struct Unpack<double> {
  static double from(const dlr_kernel_arg& arg) { return arg.real; }
};
template <class T>
struct Unpack<T*> {
  static T* from(const dlr_kernel_arg& arg) {
    return reinterpret_cast<T*>(static_cast<uintptr_t>(arg.mem.handle + arg.mem.offset));
  }
};

template <class... Parameter, std::size_t... I>
inline void call(void (*kernel)(int64_t, int64_t, Parameter...), const dlr_kernel_arg* args, int64_t begin, int64_t end,
                 std::index_sequence<I...>) {
  kernel(begin, end, Unpack<Parameter>::from(args[I])...);
}

template <class... Parameter>
inline void call(void (*kernel)(int64_t, int64_t, Parameter...), const dlr_kernel_arg* args, int64_t begin,
                 int64_t end) {
  call(kernel, args, begin, end, std::index_sequence_for<Parameter...>());
}

}  // namespace DLR_ISA
}  // namespace dlrun_kernel_dialect

#define DLR_GLOBAL
#define DLR_IN(T) const T*
#define DLR_OUT(T) T*
#define R(x) (static_cast<real>(x))

#define DLR_SIMD _Pragma("omp simd")
#define DLR_FOR(i) DLR_SIMD for (idx i = static_cast<idx>(dlr_begin); i < static_cast<idx>(dlr_end); ++i)
#define DLR_ROWS(r, cols) for (idx r = static_cast<idx>(dlr_begin); r < static_cast<idx>(dlr_end); ++r)
#define DLR_COLS(c, cols) DLR_SIMD for (idx c = 0; c < (cols); ++c)
#define DLR_GROUPS(g) for (idx g = static_cast<idx>(dlr_begin); g < static_cast<idx>(dlr_end); ++g)
#define DLR_LANES(k, n) DLR_SIMD for (idx k = 0; k < (n); ++k)
#define DLR_PRAGMA(text) _Pragma(#text)
#define DLR_LANES_SUM(k, n, acc) DLR_PRAGMA(omp simd reduction(+ : acc)) for (idx k = 0; k < (n); ++k)
#define DLR_LANES_MAX(k, n, acc) DLR_PRAGMA(omp simd reduction(max : acc)) for (idx k = 0; k < (n); ++k)
#define DLR_GROUP_SUM(x) (x)
#define DLR_GROUP_MAX(x) (x)
#define DLR_LANE0
#define DLR_ATOMIC_ADD(p, v) ::dlrun_kernel_dialect::atomic_add((p), (v))
