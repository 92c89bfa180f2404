// Opening cuBLAS.
#include "blas.hpp"

namespace dlrun::cuda {

Cublas::Cublas() {
  Library library(LibraryKind::kBlas);
#define DLR_LOAD(name) library.load(name, #name);
  DLR_CUBLAS(DLR_LOAD)
  problem = library.problem();
}

const Cublas& cublas() {
  static const Cublas cublas;
  return cublas;
}

void check_cublas(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(std::string(call) + " failed: " + cublas().cublasGetStatusString(status),
              status == CUBLAS_STATUS_ALLOC_FAILED ? DLR_OUT_OF_MEMORY : DLR_DEVICE_ERROR);
}

Blas::Blas() {
  check_cublas(cublas().cublasCreate_v2(&handle_), "cublasCreate");
}

Blas::~Blas() {
  cublas().cublasDestroy_v2(handle_);
}

cublasHandle_t Blas::in(CUstream_st* stream) {
  if (stream == stream_) return handle_;
  check_cublas(cublas().cublasSetStream_v2(handle_, stream), "cublasSetStream");
  stream_ = stream;
  return handle_;
}

}  // namespace dlrun::cuda
