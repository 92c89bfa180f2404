// Matrix products by cuBLAS, which counts by columns: a row-major matrix is its transpose there, so
// C = op(A) op(B) is asked for as C' = op(B)' op(A)'.
#include <limits>

#include "device.hpp"
#include "plan.hpp"

namespace dlrun::cuda {

namespace {

int extent(const OpView& op, const char* name, int64_t otherwise) {
  const int64_t value = op.integer(name, otherwise);
  if (value <= 0) throw Declined("cuBLAS takes no empty matrices");
  if (value > std::numeric_limits<int>::max()) throw Declined("cuBLAS counts with 32 bits");
  return static_cast<int>(value);
}

cublasOperation_t transposed(bool yes) {
  return yes ? CUBLAS_OP_T : CUBLAS_OP_N;
}

// C[m,n] = alpha op(A)[m,k] op(B)[k,n] + beta C, row-major.
class Gemm : public Plan {
 public:
  Gemm(const OpView& op, Blas& blas)
      : blas_(blas),
        dtype_(op.arg(0).dtype),
        m_(extent(op, "m", 0)),
        n_(extent(op, "n", 0)),
        k_(extent(op, "k", 0)),
        a_transposed_(op.integer("transpose_a", 0) != 0),
        b_transposed_(op.integer("transpose_b", 0) != 0),
        lda_(extent(op, "lda", a_transposed_ ? m_ : k_)),
        ldb_(extent(op, "ldb", b_transposed_ ? k_ : n_)),
        ldc_(extent(op, "ldc", n_)),
        alpha_(op.number("alpha", 1)),
        beta_(op.number("beta", 0)) {
    if (op.desc().accumulate == 0 || beta_ != 0) return;
    beta_ = 1;
    op.desc().accumulate_accepted = 1;
  }

  void run(Stream& stream, const Arguments& args) override {
    const cublasHandle_t handle = blas_.in(stream.get());
    if (dtype_ == DLR_F64) return multiply(cublas().cublasDgemm_v2, handle, alpha_, beta_, args);
    multiply(cublas().cublasSgemm_v2, handle, static_cast<float>(alpha_), static_cast<float>(beta_),
             args);
  }

 private:
  template <class Function, class Number>
  void multiply(Function gemm, cublasHandle_t handle, Number alpha, Number beta,
                const Arguments& args) const {
    check_cublas(
        gemm(handle, transposed(b_transposed_), transposed(a_transposed_), n_, m_, k_, &alpha,
             static_cast<const Number*>(args[1]), ldb_, static_cast<const Number*>(args[0]), lda_,
             &beta, static_cast<Number*>(args[2]), ldc_),
        "cublasGemm");
  }

  Blas& blas_;
  uint32_t dtype_;
  int m_, n_, k_;
  bool a_transposed_, b_transposed_;
  int lda_, ldb_, ldc_;
  double alpha_, beta_;
};

}  // namespace

std::unique_ptr<Plan> plan_gemm(const OpView& op, Device& device) {
  return std::make_unique<Gemm>(op, device.blas());
}

}  // namespace dlrun::cuda
