// table.hpp: the inner loops that are compiled once for each instruction set (isa/*.cpp), as tables
// of functions.
#pragma once

#include <cstdint>

namespace dlrun::cpu {

// Columns [column, column + length) of a panel: elements of memory from `base` on, `step` apart.
struct Segment {
  int32_t column;
  int32_t length;
  int32_t base;
};

// Tiles of matrix products over images. A tile has a few rows in registers, and columns in vectors.
template <class T>
struct TileFunctions {
  int64_t lanes;      // elements of a vector
  int64_t columns;    // of a panel: two vectors
  int64_t most_rows;  // of a tile of one panel

  // c[r][j] = sum over l of a[l * rows + r] * b_v[offset[l] + j], where vector v of the columns is
  // at b0 or b1; plus start[r], unless null; plus what c held, if `add`. Rows of c are `pitch`
  // apart.
  void (*multiply)(int64_t rows, int64_t depth, const T* a, const int32_t* offset, const T* b0,
                   const T* b1, T* c, int64_t pitch, const T* start, bool add);

  // panel[l][column] = x[offset[l] + base + i * step]. With `overrun` (step 1 only) up to a vector
  // behind each segment may be read; up to a vector behind the panel is written in any case.
  void (*pack)(int64_t depth, const T* x, const int32_t* offset, const Segment* segments,
               int64_t n_segments, int64_t step, bool overrun, T* panel);

  // panel[l][j] = x[l * pitch + j] for whole panels, side by side in x and one after the other in
  // `panels`; zeros in the columns that a last one lacks.
  void (*pack_rows)(int64_t depth, int64_t columns, const T* x, int64_t pitch, T* panels);

  // x[offset[r] + base + i * step] += tile[r][column], for all segments.
  void (*scatter)(int64_t rows, const T* tile, const int32_t* offset, const Segment* segments,
                  int64_t n_segments, int64_t step, T* x);

  // The same when each vector of a row lies as a whole in memory, without a tile between: vector v
  // of row r is added to what is at x_v + offset[r]. `b` is a packed panel.
  void (*multiply_scatter)(int64_t rows, int64_t depth, const T* a, const T* b, T* x0, T* x1,
                           const int32_t* offset);

  // Tiles of sums over pixels are 1 to 3 vectors wide; the wider, the fewer rows:
  // most_sum_rows[vectors - 1].
  int64_t most_sum_rows[3];

  // c[r][j] += sum over p of x[offset[r] + base[p]] * d[p][j], for `vectors` vectors of j; rows of
  // d are as wide.
  void (*sum_pixels)(int64_t rows, int64_t vectors, int64_t pixels, const T* x,
                     const int32_t* offset, const int32_t* base, const T* d, T* c, int64_t pitch);

  // to[p][j] = from[j][p] for j < rows; 0 for rows <= j < width.
  void (*transpose)(int64_t rows, int64_t width, int64_t pixels, const T* from, int64_t pitch,
                    T* to);

  // The sum of n elements, always in the same order.
  T (*sum)(const T* x, int64_t n);
};

// The last axis of a pooling window: out[i] covers in[i * stride - pad, ... + kernel).
struct PoolingAxis {
  int64_t in;
  int64_t out;
  int64_t kernel;
  int64_t stride;
  int64_t pad;
  int64_t whole_begin;  // windows [whole_begin, whole_end) lie inside as a whole
  int64_t whole_end;
};

// One row of window positions, over `n_rows` rows of a plane that begin at rows[].
template <class T>
struct PoolingFunctions {
  // y[i] = the largest element; argmax[i], unless null, its place in the plane, the first of
  // several.
  void (*max)(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows, T* y,
              int32_t* argmax);
  // y[i] = sum / size[i]
  void (*average)(const PoolingAxis& axis, const T* plane, const int32_t* rows, int64_t n_rows,
                  const T* size, T* y);
  // The plane's elements in window i += dy[i] / size[i]
  void (*spread)(const PoolingAxis& axis, const T* dy, const T* size, const int32_t* rows,
                 int64_t n_rows, T* plane);
};

// Across the channels of an image, for some neighbouring pixels; channels are `pitch` elements
// apart.
template <class T>
struct LrnArgs {
  int64_t channels;
  int64_t pitch;
  int64_t pixels;
  int64_t size;  // of the window, in channels
  T alpha;       // divided by size
  T beta;
  T k;
};

template <class T>
struct NormalizeFunctions {
  // y = x * scale ^ -beta, where scale = k + alpha * sum of x^2 over the window; `scale` may be
  // null.
  void (*lrn)(const LrnArgs<T>& args, const T* x, T* y, T* scale);
  // dx = dy * scale ^ -beta - 2 alpha beta x * sum over the window of dy * y / scale; `ratio` is
  // room for channels * pixels elements.
  void (*lrn_gradient)(const LrnArgs<T>& args, const T* x, const T* y, const T* dy, const T* scale,
                       T* dx, T* ratio);
  // Over n elements, `pitch` apart, of `columns` neighbouring columns.
  void (*softmax)(int64_t n, int64_t pitch, int64_t columns, const T* x, T* y);
  void (*softmax_gradient)(int64_t n, int64_t pitch, int64_t columns, const T* y, const T* dy,
                           T* dx);
};

template <class T>
struct Functions {
  TileFunctions<T> tile;
  PoolingFunctions<T> pooling;
  NormalizeFunctions<T> normalize;
};

}  // namespace dlrun::cpu
