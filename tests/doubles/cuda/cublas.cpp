// cuBLAS's stand-in: column-major products by the definition, with every argument checked.
#include <cublas_v2.h>

#include <vector>

#include "control.hpp"
#include "machine.hpp"
#include "memory.hpp"

struct cublasContext {
  int device;
  CUstream stream = nullptr;
};

using namespace cuda_double;

namespace {

constexpr const char* kHandle = "cuBLAS handle";

template <class Body>
cublasStatus_t blas_call(const char* name, Body&& body) {
  return call(name, CUBLAS_STATUS_INTERNAL_ERROR, CUBLAS_STATUS_INVALID_VALUE, [&] {
    body();
    return CUBLAS_STATUS_SUCCESS;
  });
}

// rows x columns, or their transpose, as columns that begin `stride` elements after each other.
struct Matrix {
  Matrix(int device, const void* at, cublasOperation_t op, int rows, int columns, int stride)
      : device(device), at(at), transposed(op == CUBLAS_OP_T), stride(stride) {
    require(op == CUBLAS_OP_N || op == CUBLAS_OP_T, "an unknown transposition");
    const int height = transposed ? columns : rows;
    const int width = transposed ? rows : columns;
    require(at != nullptr, "a matrix that is absent");
    require(stride >= height, "a leading dimension smaller than a column");
    elements = static_cast<uint64_t>(stride) * static_cast<uint64_t>(width - 1) +
               static_cast<uint64_t>(height);
  }
  size_t index(int row, int column) const {
    return transposed ? static_cast<size_t>(row) * static_cast<size_t>(stride) +
                            static_cast<size_t>(column)
                      : static_cast<size_t>(column) * static_cast<size_t>(stride) +
                            static_cast<size_t>(row);
  }
  template <class T>
  T* real() const {
    return real_elements<T>(device, at, elements);
  }
  // Its rows, or its columns, of `length` elements each, one after the other.
  template <class T>
  std::vector<T> lines(int count, int length, bool rows) const {
    const T* from = real<T>();
    std::vector<T> lines;
    for (int line = 0; line < count; ++line) {
      for (int i = 0; i < length; ++i)
        lines.push_back(from[rows ? index(line, i) : index(i, line)]);
    }
    return lines;
  }

  int device;
  const void* at;
  bool transposed;
  int stride;
  uint64_t elements;
};

template <class T>
double dot(const T* a, const T* b, int count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < count; ++i)
    sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

template <class T>
cublasStatus_t gemm(const char* name, cublasHandle_t handle, cublasOperation_t op_a,
                    cublasOperation_t op_b, int m, int n, int k, const T* alpha, const T* a,
                    int lda, const T* b, int ldb, const T* beta, T* c, int ldc) {
  return blas_call(name, [&] {
    const int device = require_object(handle, kHandle);
    require(device == current_device(), "a handle of another context");
    require(m > 0 && n > 0 && k > 0, "an empty matrix");
    const Matrix left(device, a, op_a, m, k, lda);
    const Matrix right(device, b, op_b, k, n, ldb);
    const Matrix out(device, c, CUBLAS_OP_N, m, n, ldc);
    issue(handle->stream, {name, [=, alpha = *alpha, beta = *beta] {
                             const std::vector<T> rows = left.lines<T>(m, k, true);
                             const std::vector<T> columns = right.lines<T>(n, k, false);
                             T* to = out.real<T>();
                             for (int j = 0; j < n; ++j) {
                               for (int i = 0; i < m; ++i) {
                                 const double sum = dot(rows.data() + i * int64_t{k},
                                                        columns.data() + j * int64_t{k}, k);
                                 T& each = to[out.index(i, j)];
                                 each = static_cast<T>(alpha * sum + (beta == 0 ? 0 : beta * each));
                               }
                             }
                           }});
  });
}

}  // namespace

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  return blas_call("cublasCreate", [&] {
    *handle = new cublasContext{current_device()};
    add_object(*handle, kHandle, current_device());
  });
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  return release("cublasDestroy", CUBLAS_STATUS_SUCCESS, [&] {
    remove_object(handle, kHandle);
    delete handle;
  });
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  return blas_call("cublasSetStream", [&] {
    require_object(handle, kHandle);
    require_stream(stream);
    handle->stream = stream;
  });
}

const char* cublasGetStatusString(cublasStatus_t) {
  return kPlanned;
}

cublasStatus_t cublasSgemm_v2(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                              int m, int n, int k, const float* alpha, const float* a, int lda,
                              const float* b, int ldb, const float* beta, float* c, int ldc) {
  return gemm("cublasSgemm", handle, op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

cublasStatus_t cublasDgemm_v2(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                              int m, int n, int k, const double* alpha, const double* a, int lda,
                              const double* b, int ldb, const double* beta, double* c, int ldc) {
  return gemm("cublasDgemm", handle, op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
