// blas.hpp: matrix products by OpenBLAS's OpenMP build, opened by path.
#pragma once

#include <cstdint>
#include <string>

namespace dlrun::cpu {

// C[m,n] = alpha op(A)[m,k] op(B)[k,n] + beta C, row-major; leading dimensions in elements.
template <class T>
struct Product {
  bool transpose_a;
  bool transpose_b;
  int m, n, k;
  T alpha;
  const T* a;
  int lda;
  const T* b;
  int ldb;
  T beta;
  T* c;
  int ldc;
};

// OpenBLAS follows the OpenMP thread count of the calling thread, which the host sets for each net.
class Blas {
 public:
  // Looks where the distribution puts the OpenMP build, or opens the file that DLRUN_OPENBLAS
  // names.
  static Blas open();

  void run(const Product<float>& gemm) const;
  void run(const Product<double>& gemm) const;
  const std::string& version() const { return version_; }

 private:
  template <class T>
  using Function = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k,
                            T alpha, const T* a, int lda, const T* b, int ldb, T beta, T* c,
                            int ldc);

  Function<float> sgemm_ = nullptr;
  Function<double> dgemm_ = nullptr;
  std::string version_;
};

}  // namespace dlrun::cpu
