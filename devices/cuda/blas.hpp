// cuBLAS: a table of its functions, and a handle.
#pragma once

#include <cublas_v2.h>
#include <dlrun/error.hpp>

#include "library.hpp"

namespace dlrun::cuda {

#define DLR_CUBLAS(use)                                                                  \
  use(cublasCreate_v2) use(cublasDestroy_v2) use(cublasSetStream_v2) use(cublasSgemm_v2) \
      use(cublasDgemm_v2) use(cublasGetStatusString)

#define DLR_CUBLAS_MEMBER(name) decltype(&::name) name = nullptr;
struct Cublas {
  Cublas();
  std::string problem;  // why it can't be used; empty when it can
  DLR_CUBLAS(DLR_CUBLAS_MEMBER)
};
const Cublas& cublas();

// Throws when a call failed; `call` is its name.
void check_cublas(cublasStatus_t status, const char* call);

class Blas {
 public:
  Blas();
  ~Blas();
  Blas(const Blas&) = delete;
  Blas& operator=(const Blas&) = delete;
  // The handle, whose next calls go to that stream.
  cublasHandle_t in(CUstream_st* stream);

 private:
  cublasHandle_t handle_ = nullptr;
  CUstream_st* stream_ = nullptr;
};

}  // namespace dlrun::cuda
