// Matrix products by loops.
#pragma once

#include <cstdint>

namespace dlrun::strict {

// A matrix of which row r and column c lie at r * row + c * column.
struct Matrix {
  const float* at;
  int64_t row;
  int64_t column;
};

// c[m,n] = alpha a[m,k] b[k,n] + beta c, rows of c `ldc` apart, on the host's threads.
void multiply(int64_t m, int64_t n, int64_t k, Matrix a, Matrix b, float* c, int64_t ldc, float alpha, float beta);

}  // namespace dlrun::strict
