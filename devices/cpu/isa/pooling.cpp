// pooling.cpp: rows of pooling windows, tap by tap, each over all positions at which it lies inside
// the image.
#include "build.hpp"

namespace dlrun::cpu::DLR_ISA {
namespace {

struct Positions {
  int64_t begin;
  int64_t end;
};

// Where tap `tap` lies inside.
Positions inside(const PoolingAxis& axis, int64_t tap) {
  const int64_t first = axis.pad > tap ? (axis.pad - tap + axis.stride - 1) / axis.stride : 0;
  const int64_t last = axis.in - 1 + axis.pad - tap;  // of i * stride
  const int64_t end = last < 0 ? 0 : last / axis.stride + 1;
  return {first, end < axis.out ? end : axis.out};
}

// Calls body(stride, tap's first element, positions) for each tap; usual strides as constants, so
// that the loops over positions become vectors.
template <class T, class Body>
inline void for_each_tap(const PoolingAxis& axis, T* plane, const int32_t* rows, int64_t n_rows,
                         Body&& body) {
  for (int64_t row = 0; row < n_rows; ++row) {
    for (int64_t tap = 0; tap < axis.kernel; ++tap)
      body(plane, rows[row] + tap - axis.pad, inside(axis, tap));
  }
}

template <class T, int kStride>
void max_row(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows, T* y,
             int32_t* argmax) {
  const int64_t stride = kStride > 0 ? kStride : axis.stride;
  for (int64_t i = 0; i < axis.out; ++i)
    y[i] = -static_cast<T>(__builtin_inf());
  for (int64_t i = 0; argmax != nullptr && i < axis.out; ++i) {
    const int64_t at = i * stride - axis.pad;
    argmax[i] = static_cast<int32_t>(rows[0] + (at > 0 ? at : 0));
  }
  for_each_tap(axis, plane, rows, n_rows, [=](const T* from, int64_t at, Positions p) {
    if (argmax == nullptr) {
#pragma omp simd
      for (int64_t i = p.begin; i < p.end; ++i) {
        const T value = from[at + i * stride];
        y[i] = value > y[i] ? value : y[i];
      }
    } else {
#pragma omp simd
      for (int32_t i = static_cast<int32_t>(p.begin); i < static_cast<int32_t>(p.end); ++i) {
        const T value = from[at + i * stride];
        const bool larger = value > y[i];
        y[i] = larger ? value : y[i];
        argmax[i] =
            larger ? static_cast<int32_t>(at) + i * static_cast<int32_t>(stride) : argmax[i];
      }
    }
  });
}

template <class T>
void max(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows, T* y,
         int32_t* argmax) {
  if (axis.stride == 1) return max_row<T, 1>(axis, plane, rows, n_rows, y, argmax);
  if (axis.stride == 2) return max_row<T, 2>(axis, plane, rows, n_rows, y, argmax);
  max_row<T, 0>(axis, plane, rows, n_rows, y, argmax);
}

template <class T, int kStride>
void average_row(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows,
                 const T* size, T* y) {
  const int64_t stride = kStride > 0 ? kStride : axis.stride;
  for (int64_t i = 0; i < axis.out; ++i)
    y[i] = T(0);
  for_each_tap(axis, plane, rows, n_rows, [=](const T* from, int64_t at, Positions p) {
#pragma omp simd
    for (int64_t i = p.begin; i < p.end; ++i)
      y[i] += from[at + i * stride];
  });
#pragma omp simd
  for (int64_t i = 0; i < axis.out; ++i)
    y[i] /= size[i];
}

template <class T>
void average(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows,
             const T* size, T* y) {
  if (axis.stride == 1) return average_row<T, 1>(axis, plane, rows, n_rows, size, y);
  if (axis.stride == 2) return average_row<T, 2>(axis, plane, rows, n_rows, size, y);
  average_row<T, 0>(axis, plane, rows, n_rows, size, y);
}

// One tap at a time, so that the elements of one loop are different ones.
template <class T>
void spread(const PoolingAxis& axis, const T* dy, const T* size, const int32_t* rows,
            int64_t n_rows, T* plane) {
  const int64_t stride = axis.stride;
  for_each_tap(axis, plane, rows, n_rows, [=](T* to, int64_t at, Positions p) {
    if (stride == 1) {
#pragma omp simd
      for (int64_t i = p.begin; i < p.end; ++i)
        to[at + i] += dy[i] / size[i];
    } else {
      for (int64_t i = p.begin; i < p.end; ++i)
        to[at + i * stride] += dy[i] / size[i];
    }
  });
}

}  // namespace

template <class T>
PoolingFunctions<T> pooling_functions() {
  return {max<T>, average<T>, spread<T>};
}
template PoolingFunctions<float> pooling_functions<float>();
template PoolingFunctions<double> pooling_functions<double>();

}  // namespace dlrun::cpu::DLR_ISA
