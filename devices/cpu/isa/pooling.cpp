// pooling.cpp: rows of pooling windows. Windows that lie inside the image as a whole are taken a
// vector of them at a time, the others one by one.
#include "build.hpp"
#include "vector.hpp"

namespace dlrun::cpu::DLR_ISA {
namespace {

struct Span {
  int64_t begin;
  int64_t end;
};

// Window i, clipped to the image: elements [begin, end) of a row.
Span clipped(const PoolingAxis& axis, int64_t i) {
  const int64_t begin = i * axis.stride - axis.pad, end = begin + axis.kernel;
  return {begin > 0 ? begin : 0, end < axis.in ? end : axis.in};
}

// Windows of a block: those of a vector of at most 32 bytes, because rows are short.
template <class T>
constexpr int kMostWindows = (kVectorBytes < 32 ? kVectorBytes : 32) / static_cast<int>(sizeof(T));

// Vectors of a number of lanes of one's own choice, with signed integers of the same size.
template <class T, int kLanes>
struct Lanes {
  using Integer = decltype([] {
    if constexpr (sizeof(T) == 8) {
      return int64_t{};
    } else {
      return int32_t{};
    }
  }());
  typedef T Vector __attribute__((vector_size(kLanes * sizeof(T))));
  typedef T Unaligned
      __attribute__((vector_size(kLanes * sizeof(T)), aligned(alignof(T)), may_alias));
  typedef Integer Integers __attribute__((vector_size(kLanes * sizeof(T))));

  static Vector load(const T* from) { return *reinterpret_cast<const Unaligned*>(from); }
  static void store(T* to, Vector value) { *reinterpret_cast<Unaligned*>(to) = value; }

  // Every kStride-th element. Nothing behind the last one is read.
  template <int kStride>
  static Vector load_every(const T* from, int64_t stride) {
    if constexpr (kStride == 1) {
      return load(from);
    } else if constexpr (kStride == 2 && kLanes == 8) {
      return __builtin_shufflevector(load(from), load(from + 7), 0, 2, 4, 6, 9, 11, 13, 15);
    } else if constexpr (kStride == 2 && kLanes == 4) {
      return __builtin_shufflevector(load(from), load(from + 3), 0, 2, 5, 7);
    } else {
      Vector value{};
      for (int i = 0; i < kLanes; ++i)
        value[i] = from[i * stride];
      return value;
    }
  }
};

// Windows i to i + kLanes, all inside. The usual strides and kernels are constants, others are 0.
template <class T, int kLanes, int kStride, int kKernel>
inline void max_block(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows,
                      int64_t i, T* y, int32_t* argmax) {
  using L = Lanes<T, kLanes>;
  using Integer = typename L::Integer;
  const int64_t kernel = kKernel > 0 ? kKernel : axis.kernel;
  const int64_t first = i * axis.stride - axis.pad;
  typename L::Vector largest = typename L::Vector{} - static_cast<T>(__builtin_inf());
  typename L::Integers place{}, step{};
  for (int lane = 0; lane < kLanes; ++lane)
    step[lane] = static_cast<Integer>(lane * axis.stride);
  place = step + static_cast<Integer>(rows[0] + first);
  for (int64_t row = 0; row < n_rows; ++row) {
    const int64_t at = rows[row] + first;
    for (int64_t tap = 0; tap < kernel; ++tap) {
      const typename L::Vector value =
          L::template load_every<kStride>(plane + at + tap, axis.stride);
      const auto larger = value > largest;
      largest = larger ? value : largest;
      if (argmax != nullptr) place = larger ? step + static_cast<Integer>(at + tap) : place;
    }
  }
  L::store(y + i, largest);
  if (argmax != nullptr) {
    for (int lane = 0; lane < kLanes; ++lane)
      argmax[i + lane] = static_cast<int32_t>(place[lane]);
  }
}

template <class T>
inline void max_one(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows,
                    int64_t i, T* y, int32_t* argmax) {
  const Span window = clipped(axis, i);
  T largest = -static_cast<T>(__builtin_inf());
  int64_t place = rows[0] + window.begin;
  for (int64_t row = 0; row < n_rows; ++row) {
    for (int64_t j = rows[row] + window.begin; j < rows[row] + window.end; ++j) {
      if (plane[j] > largest) {
        largest = plane[j];
        place = j;
      }
    }
  }
  y[i] = largest;
  if (argmax != nullptr) argmax[i] = static_cast<int32_t>(place);
}

template <class T, int kLanes, int kStride>
inline void sum_block(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows,
                      int64_t i, T* y) {
  using L = Lanes<T, kLanes>;
  const int64_t first = i * axis.stride - axis.pad;
  typename L::Vector sum{};
  for (int64_t row = 0; row < n_rows; ++row) {
    for (int64_t tap = 0; tap < axis.kernel; ++tap) {
      sum += L::template load_every<kStride>(plane + rows[row] + first + tap, axis.stride);
    }
  }
  L::store(y + i, sum);
}

template <class T>
inline void sum_one(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows,
                    int64_t i, T* y) {
  const Span window = clipped(axis, i);
  T sum = 0;
  for (int64_t row = 0; row < n_rows; ++row) {
    const T* from = plane + rows[row];
#pragma omp simd reduction(+ : sum)
    for (int64_t j = window.begin; j < window.end; ++j)
      sum += from[j];
  }
  y[i] = sum;
}

// Calls block<kWindows>(i) or one(i) so that each window of a row is done, some in two blocks.
template <int kMost, class Block, class One>
inline void for_each_window(const PoolingAxis& axis, Block&& block, One&& one) {
  constexpr int kHalf = kMost / 2;
  const Span whole{axis.whole_begin, axis.whole_end};
  for (int64_t i = 0; i < whole.begin; ++i)
    one(i);
  int64_t i = whole.begin;
  for (; i + kMost <= whole.end; i += kMost)
    block.template operator()<kMost>(i);
  const int64_t left = whole.end - i, all = whole.end - whole.begin;
  if (left > kHalf && all >= kMost) {
    block.template operator()<kMost>(whole.end - kMost);
  } else if (left > 0 && kHalf > 1 && all >= kHalf) {
    if (left > kHalf) block.template operator()<kHalf>(i);
    block.template operator()<kHalf>(whole.end - kHalf);
  } else {
    for (; i < whole.end; ++i)
      one(i);
  }
  for (i = whole.end; i < axis.out; ++i)
    one(i);
}

template <class T, int kStride, int kKernel>
void max_row(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows, T* y,
             int32_t* argmax) {
  for_each_window<kMostWindows<T>>(
      axis,
      [&]<int kLanes>(int64_t i) {
        max_block<T, kLanes, kStride, kKernel>(axis, plane, rows, n_rows, i, y, argmax);
      },
      [&](int64_t i) { max_one(axis, plane, rows, n_rows, i, y, argmax); });
}

template <class T>
void max(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows, T* y,
         int32_t* argmax) {
  if (axis.stride == 2 && axis.kernel == 2)
    return max_row<T, 2, 2>(axis, plane, rows, n_rows, y, argmax);
  if (axis.stride == 2 && axis.kernel == 3)
    return max_row<T, 2, 3>(axis, plane, rows, n_rows, y, argmax);
  if (axis.stride == 2) return max_row<T, 2, 0>(axis, plane, rows, n_rows, y, argmax);
  if (axis.stride == 1) return max_row<T, 1, 0>(axis, plane, rows, n_rows, y, argmax);
  max_row<T, 0, 0>(axis, plane, rows, n_rows, y, argmax);
}

template <class T, int kStride>
void sum_row(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows, T* y) {
  for_each_window<kMostWindows<T>>(
      axis,
      [&]<int kLanes>(int64_t i) {
        sum_block<T, kLanes, kStride>(axis, plane, rows, n_rows, i, y);
      },
      [&](int64_t i) { sum_one(axis, plane, rows, n_rows, i, y); });
}

template <class T>
void average(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows,
             const T* size, T* y) {
  if (axis.stride == 1) {
    sum_row<T, 1>(axis, plane, rows, n_rows, y);
  } else if (axis.stride == 2) {
    sum_row<T, 2>(axis, plane, rows, n_rows, y);
  } else {
    sum_row<T, 0>(axis, plane, rows, n_rows, y);
  }
  for (int64_t i = 0; i < axis.out; ++i)
    y[i] /= size[i];
}

template <class T>
void spread(const PoolingAxis& axis, const T* dy, const T* size, const int32_t* rows,
            int64_t n_rows, T* plane) {
  for (int64_t i = 0; i < axis.out; ++i) {
    const Span window = clipped(axis, i);
    const T share = dy[i] / size[i];
    for (int64_t row = 0; row < n_rows; ++row) {
      T* to = plane + rows[row];
      for (int64_t j = window.begin; j < window.end; ++j)
        to[j] += share;
    }
  }
}

}  // namespace

template <class T>
PoolingFunctions<T> pooling_functions() {
  return {max<T>, average<T>, spread<T>};
}
template PoolingFunctions<float> pooling_functions<float>();
template PoolingFunctions<double> pooling_functions<double>();

}  // namespace dlrun::cpu::DLR_ISA
