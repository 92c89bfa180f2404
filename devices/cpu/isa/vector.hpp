// vector.hpp: vectors of the instruction set that a file is compiled for. Include in isa/*.cpp
// only.
#pragma once

#include <cstdint>

#ifndef DLR_ISA
#define DLR_ISA baseline
#endif

// Everything is in a namespace of the instruction set's own, so that the linker can't mix the
// builds.
namespace dlrun::cpu::DLR_ISA {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kVectorBytes)));
  typedef T unaligned __attribute__((vector_size(kVectorBytes), aligned(alignof(T)), may_alias));
};
template <class T>
using Vector = typename VectorOf<T>::type;
template <class T>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <class T>
inline Vector<T> load(const T* from) {
  return *reinterpret_cast<const typename VectorOf<T>::unaligned*>(from);
}
template <class T>
inline void store(T* to, Vector<T> value) {
  *reinterpret_cast<typename VectorOf<T>::unaligned*>(to) = value;
}
// All lanes the same.
template <class T>
inline Vector<T> broadcast(T value) {
  return value - Vector<T>{};
}

}  // namespace dlrun::cpu::DLR_ISA
