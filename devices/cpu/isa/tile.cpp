// tile.cpp: tiles of matrix products over images, as convolutions need them.
#include "build.hpp"

#include "vector.hpp"

namespace dlrun::cpu::DLR_ISA {
namespace {

// Rows of a tile of two vectors that fit the registers beside two operands.
constexpr int kMostRows = kVectorBytes == 64 ? 12 : 6;

template <class T, int kRows>
void multiply_rows(int64_t depth, const T* a, const int32_t* offset, const T* b0, const T* b1, T* c,
                   int64_t pitch, const T* start, bool add) {
  for (int r = 0; r < kRows; ++r) {  // they come while the products are made
    __builtin_prefetch(c + r * pitch, 1);
    __builtin_prefetch(c + r * pitch + 2 * kLanes<T> - 1, 1);
  }
  Vector<T> sum[kRows][2] = {};
  for (int64_t l = 0; l < depth; ++l, a += kRows) {
    const Vector<T> x0 = load(b0 + offset[l]);
    const Vector<T> x1 = load(b1 + offset[l]);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      sum[r][0] += a[r] * x0;
      sum[r][1] += a[r] * x1;
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r, c += pitch) {
    if (start != nullptr) {
      sum[r][0] += start[r];
      sum[r][1] += start[r];
    }
    if (add) {
      sum[r][0] += load(c);
      sum[r][1] += load(c + kLanes<T>);
    }
    store(c, sum[r][0]);
    store(c + kLanes<T>, sum[r][1]);
  }
}

// Calls the build for `rows` rows.
template <class T, int kRows = kMostRows>
void multiply(int64_t rows, int64_t depth, const T* a, const int32_t* offset, const T* b0,
              const T* b1, T* c, int64_t pitch, const T* start, bool add) {
  if constexpr (kRows > 1) {
    if (rows < kRows)
      return multiply<T, kRows - 1>(rows, depth, a, offset, b0, b1, c, pitch, start, add);
  }
  multiply_rows<T, kRows>(depth, a, offset, b0, b1, c, pitch, start, add);
}

template <class T>
void pack_exactly(int64_t depth, const T* x, const int32_t* offset, const Segment* segments,
                  int64_t n_segments, int64_t step, T* panel) {
  for (int64_t l = 0; l < depth; ++l, panel += 2 * kLanes<T>) {
    for (const Segment* s = segments; s != segments + n_segments; ++s) {
      const T* from = x + offset[l] + s->base;
      T* to = panel + s->column;
      for (int32_t i = 0; i < s->length; ++i)
        to[i] = from[i * step];
    }
  }
}

// Whole vectors: what is written too much is overwritten by the segments and rows that follow.
template <class T>
void pack(int64_t depth, const T* x, const int32_t* offset, const Segment* segments,
          int64_t n_segments, int64_t step, bool overrun, T* panel) {
  if (step != 1 || !overrun)
    return pack_exactly(depth, x, offset, segments, n_segments, step, panel);
  for (int64_t l = 0; l < depth; ++l, panel += 2 * kLanes<T>) {
    for (const Segment* s = segments; s != segments + n_segments; ++s) {
      const T* from = x + offset[l] + s->base;
      T* to = panel + s->column;
      store(to, load(from));
      if (s->length > kLanes<T>) store(to + kLanes<T>, load(from + kLanes<T>));
    }
  }
}

template <class T>
void pack_rows(int64_t depth, int64_t columns, const T* x, int64_t pitch, T* panels) {
  constexpr int64_t kWidth = 2 * kLanes<T>;
  const int64_t whole = columns / kWidth;
  for (int64_t l = 0; l < depth; ++l, x += pitch) {
    T* to = panels + l * kWidth;
    for (int64_t panel = 0; panel < whole; ++panel, to += depth * kWidth) {
      store(to, load(x + panel * kWidth));
      store(to + kLanes<T>, load(x + panel * kWidth + kLanes<T>));
    }
    const int64_t left = columns - whole * kWidth;
    for (int64_t j = 0; left > 0 && j < kWidth; ++j)
      to[j] = j < left ? x[whole * kWidth + j] : T(0);
  }
}

template <class T>
void scatter(int64_t rows, const T* tile, const int32_t* offset, const Segment* segments,
             int64_t n_segments, int64_t step, T* x) {
  for (int64_t r = 0; r < rows; ++r, tile += 2 * kLanes<T>) {
    for (const Segment* s = segments; s != segments + n_segments; ++s) {
      T* to = x + offset[r] + s->base;
      const T* from = tile + s->column;
      int32_t i = 0;
      if (step == 1) {
        for (; i + kLanes<T> <= s->length; i += kLanes<T>)
          store(to + i, load(to + i) + load(from + i));
      }
      for (; i < s->length; ++i)
        to[i * step] += from[i];
    }
  }
}

template <class T, int kRows>
void multiply_scatter_rows(int64_t depth, const T* a, const T* b, T* x0, T* x1,
                           const int32_t* offset) {
  Vector<T> sum[kRows][2] = {};
  for (int64_t l = 0; l < depth; ++l, a += kRows, b += 2 * kLanes<T>) {
    const Vector<T> b0 = load(b);
    const Vector<T> b1 = load(b + kLanes<T>);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      sum[r][0] += a[r] * b0;
      sum[r][1] += a[r] * b1;
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    store(x0 + offset[r], load(x0 + offset[r]) + sum[r][0]);
    store(x1 + offset[r], load(x1 + offset[r]) + sum[r][1]);
  }
}

template <class T, int kRows = kMostRows>
void multiply_scatter(int64_t rows, int64_t depth, const T* a, const T* b, T* x0, T* x1,
                      const int32_t* offset) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return multiply_scatter<T, kRows - 1>(rows, depth, a, b, x0, x1, offset);
  }
  multiply_scatter_rows<T, kRows>(depth, a, b, x0, x1, offset);
}

// Rows of a tile of 1, 2 and 3 vectors.
constexpr int kMostSumRows[3] = {8, kMostRows, kVectorBytes == 64 ? 8 : 4};

template <class T, int kRows, int kVectors>
void sum_pixels_rows(int64_t pixels, const T* x, const int32_t* offset, const int32_t* base,
                     const T* d, T* c, int64_t pitch) {
  const T* row[kRows];
  for (int r = 0; r < kRows; ++r)
    row[r] = x + offset[r];
  Vector<T> sum[kRows][kVectors] = {};
  for (int64_t p = 0; p < pixels; ++p, d += kVectors * kLanes<T>) {
    Vector<T> gradient[kVectors];
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v)
      gradient[v] = load(d + v * kLanes<T>);
    const int64_t at = base[p];
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v)
        sum[r][v] += row[r][at] * gradient[v];
    }
  }
  for (int r = 0; r < kRows; ++r, c += pitch) {
    for (int v = 0; v < kVectors; ++v)
      store(c + v * kLanes<T>, load(c + v * kLanes<T>) + sum[r][v]);
  }
}

template <class T, int kVectors, int kRows = kMostSumRows[kVectors - 1]>
void sum_pixels_wide(int64_t rows, int64_t pixels, const T* x, const int32_t* offset,
                     const int32_t* base, const T* d, T* c, int64_t pitch) {
  if constexpr (kRows > 1) {
    if (rows < kRows)
      return sum_pixels_wide<T, kVectors, kRows - 1>(rows, pixels, x, offset, base, d, c, pitch);
  }
  sum_pixels_rows<T, kRows, kVectors>(pixels, x, offset, base, d, c, pitch);
}

template <class T>
void sum_pixels(int64_t rows, int64_t vectors, int64_t pixels, const T* x, const int32_t* offset,
                const int32_t* base, const T* d, T* c, int64_t pitch) {
  if (vectors == 1) return sum_pixels_wide<T, 1>(rows, pixels, x, offset, base, d, c, pitch);
  if (vectors == 2) return sum_pixels_wide<T, 2>(rows, pixels, x, offset, base, d, c, pitch);
  sum_pixels_wide<T, 3>(rows, pixels, x, offset, base, d, c, pitch);
}

// Four rows at a time of four pixels, in vectors of 16 bytes.
int64_t transpose_blocks(int64_t rows, int64_t width, int64_t pixels, const float* from,
                         int64_t pitch, float* to) {
  typedef float Four __attribute__((vector_size(16)));
  typedef float Unaligned __attribute__((vector_size(16), aligned(4), may_alias));
  const int64_t whole = rows / 4 * 4;
  for (int64_t j = 0; j < whole; j += 4) {
    for (int64_t p = 0; p + 4 <= pixels; p += 4) {
      Four row[4];
      for (int i = 0; i < 4; ++i)
        row[i] = *reinterpret_cast<const Unaligned*>(from + (j + i) * pitch + p);
      const Four low01 = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
      const Four low23 = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
      const Four high01 = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
      const Four high23 = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
      float* out = to + p * width + j;
      *reinterpret_cast<Unaligned*>(out) = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
      *reinterpret_cast<Unaligned*>(out + width) =
          __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
      *reinterpret_cast<Unaligned*>(out + 2 * width) =
          __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
      *reinterpret_cast<Unaligned*>(out + 3 * width) =
          __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
    }
    for (int64_t p = pixels / 4 * 4; p < pixels; ++p) {
      for (int64_t i = j; i < j + 4; ++i)
        to[p * width + i] = from[i * pitch + p];
    }
  }
  return whole;
}
int64_t transpose_blocks(int64_t, int64_t, int64_t, const double*, int64_t, double*) {
  return 0;
}

template <class T>
void transpose(int64_t rows, int64_t width, int64_t pixels, const T* from, int64_t pitch, T* to) {
  const int64_t done = transpose_blocks(rows, width, pixels, from, pitch, to);
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t j = done; j < rows; ++j)
      to[p * width + j] = from[j * pitch + p];
    for (int64_t j = rows; j < width; ++j)
      to[p * width + j] = T(0);
  }
}

template <class T>
T sum(const T* x, int64_t n) {
  T total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < n; ++i)
    total += x[i];
  return total;
}

}  // namespace

template <class T>
TileFunctions<T> tile_functions() {
  TileFunctions<T> f{};
  f.lanes = kLanes<T>;
  f.columns = 2 * kLanes<T>;
  f.most_rows = kMostRows;
  f.multiply = multiply<T>;
  f.pack = pack<T>;
  f.pack_rows = pack_rows<T>;
  f.scatter = scatter<T>;
  f.multiply_scatter = multiply_scatter<T>;
  for (int i = 0; i < 3; ++i)
    f.most_sum_rows[i] = kMostSumRows[i];
  f.sum_pixels = sum_pixels<T>;
  f.transpose = transpose<T>;
  f.sum = sum<T>;
  return f;
}
template TileFunctions<float> tile_functions<float>();
template TileFunctions<double> tile_functions<double>();

}  // namespace dlrun::cpu::DLR_ISA
