// normalize.cpp: local response normalization and softmax.
#include "build.hpp"

#include <dlrun/kernel_cpu.h>

namespace dlrun::cpu::DLR_ISA {
namespace {

using namespace dlrun_kernel_dialect;

constexpr int64_t kBlock =
    64;  // pixels or columns whose sums stay in registers or the first-level cache

template <class T>
inline int64_t block_at(int64_t begin, int64_t n) {
  return n - begin < kBlock ? n - begin : kBlock;
}

// value ^ -beta for `n` values in place. 3/4, which every published net uses, needs no logarithm.
template <class T>
inline void power(int64_t n, T beta, T* value) {
  if (beta == T(0.75)) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const T root = dlr_sqrt(value[i]);
      value[i] = T(1) / (root * dlr_sqrt(root));
    }
  } else {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i)
      value[i] = dlr_pow(value[i], -beta);
  }
}

// Channels [begin, end).
struct Channels {
  int64_t begin;
  int64_t end;
};

template <class T>
inline Channels around(const LrnArgs<T>& args, int64_t channel, int64_t before) {
  const int64_t begin = channel - before, end = begin + args.size;
  return {begin > 0 ? begin : 0, end < args.channels ? end : args.channels};
}

// Pixels [0, n) of one channel, which is at `at`.
template <class T>
inline void lrn_block(const LrnArgs<T>& args, const Channels& window, int64_t at, int64_t n,
                      const T* x, T* y, T* scale) {
  T sum[kBlock] = {};
  for (int64_t c = window.begin; c < window.end; ++c) {
    const T* from = x + c * args.pitch;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i)
      sum[i] += from[i] * from[i];
  }
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    sum[i] = args.k + args.alpha * sum[i];
  if (scale != nullptr) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i)
      scale[at + i] = sum[i];
  }
  power(n, args.beta, sum);
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    y[at + i] = x[at + i] * sum[i];
}

template <class T>
void lrn(const LrnArgs<T>& args, const T* x, T* y, T* scale) {
  for (int64_t channel = 0; channel < args.channels; ++channel) {
    const Channels window = around(args, channel, (args.size - 1) / 2);
    for (int64_t p = 0; p < args.pixels; p += kBlock) {
      lrn_block(args, window, channel * args.pitch, block_at<T>(p, args.pixels), x + p, y + p,
                scale == nullptr ? nullptr : scale + p);
    }
  }
}

// `ratio` is that of the window's first channel; those of the next ones follow.
template <class T>
inline void lrn_gradient_block(const LrnArgs<T>& args, int64_t n_ratios, int64_t n, const T* x,
                               const T* dy, const T* scale, const T* ratio, T* dx) {
  T sum[kBlock] = {}, factor[kBlock];
  for (int64_t c = 0; c < n_ratios; ++c, ratio += args.pixels) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i)
      sum[i] += ratio[i];
  }
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    factor[i] = scale[i];
  power(n, args.beta, factor);
  const T two = T(2) * args.alpha * args.beta;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    dx[i] = dy[i] * factor[i] - two * x[i] * sum[i];
}

// The window is turned around: a channel feels those whose own window holds it.
template <class T>
void lrn_gradient(const LrnArgs<T>& args, const T* x, const T* y, const T* dy, const T* scale,
                  T* dx, T* ratio) {
  for (int64_t channel = 0; channel < args.channels; ++channel) {
    const int64_t at = channel * args.pitch;
    T* to = ratio + channel * args.pixels;
#pragma omp simd
    for (int64_t i = 0; i < args.pixels; ++i)
      to[i] = dy[at + i] * y[at + i] / scale[at + i];
  }
  for (int64_t channel = 0; channel < args.channels; ++channel) {
    const Channels window = around(args, channel, args.size - 1 - (args.size - 1) / 2);
    for (int64_t p = 0; p < args.pixels; p += kBlock) {
      const int64_t at = channel * args.pitch + p;
      lrn_gradient_block(args, window.end - window.begin, block_at<T>(p, args.pixels), x + at,
                         dy + at, scale + at, ratio + window.begin * args.pixels + p, dx + at);
    }
  }
}

// A row whose elements are neighbours.
template <class T>
void softmax_row(int64_t n, const T* x, T* y) {
  T largest = x[0];
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < n; ++i)
    largest = x[i] > largest ? x[i] : largest;
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) {
    y[i] = dlr_exp(x[i] - largest);
    sum += y[i];
  }
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    y[i] /= sum;
}

template <class T>
void softmax_columns(int64_t n, int64_t pitch, int64_t columns, const T* x, T* y) {
  T largest[kBlock], sum[kBlock] = {};
#pragma omp simd
  for (int64_t j = 0; j < columns; ++j)
    largest[j] = x[j];
  for (int64_t i = 1; i < n; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < columns; ++j)
      largest[j] = x[i * pitch + j] > largest[j] ? x[i * pitch + j] : largest[j];
  }
  for (int64_t i = 0; i < n; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < columns; ++j) {
      y[i * pitch + j] = dlr_exp(x[i * pitch + j] - largest[j]);
      sum[j] += y[i * pitch + j];
    }
  }
  for (int64_t i = 0; i < n; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < columns; ++j)
      y[i * pitch + j] /= sum[j];
  }
}

template <class T>
void softmax(int64_t n, int64_t pitch, int64_t columns, const T* x, T* y) {
  if (pitch == 1) return softmax_row(n, x, y);
  for (int64_t j = 0; j < columns; j += kBlock)
    softmax_columns(n, pitch, block_at<T>(j, columns), x + j, y + j);
}

// dx = y * (dy - sum of y * dy)
template <class T>
void softmax_gradient_row(int64_t n, const T* y, const T* dy, T* dx) {
  T dot = 0;
#pragma omp simd reduction(+ : dot)
  for (int64_t i = 0; i < n; ++i)
    dot += y[i] * dy[i];
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    dx[i] = y[i] * (dy[i] - dot);
}

template <class T>
void softmax_gradient_columns(int64_t n, int64_t pitch, int64_t columns, const T* y, const T* dy,
                              T* dx) {
  T dot[kBlock] = {};
  for (int64_t i = 0; i < n; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < columns; ++j)
      dot[j] += y[i * pitch + j] * dy[i * pitch + j];
  }
  for (int64_t i = 0; i < n; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < columns; ++j)
      dx[i * pitch + j] = y[i * pitch + j] * (dy[i * pitch + j] - dot[j]);
  }
}

template <class T>
void softmax_gradient(int64_t n, int64_t pitch, int64_t columns, const T* y, const T* dy, T* dx) {
  if (pitch == 1) return softmax_gradient_row(n, y, dy, dx);
  for (int64_t j = 0; j < columns; j += kBlock) {
    softmax_gradient_columns(n, pitch, block_at<T>(j, columns), y + j, dy + j, dx + j);
  }
}

}  // namespace

template <class T>
NormalizeFunctions<T> normalize_functions() {
  return {lrn<T>, lrn_gradient<T>, softmax<T>, softmax_gradient<T>};
}
template NormalizeFunctions<float> normalize_functions<float>();
template NormalizeFunctions<double> normalize_functions<double>();

}  // namespace dlrun::cpu::DLR_ISA
