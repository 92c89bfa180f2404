// Matrix products by CLBlast.
#include "plan.hpp"  // before CLBlast's header: it settles the version of OpenCL

#include <clblast_c.h>

namespace dlrun::opencl {

namespace {

void check_clblast(CLBlastStatusCode status, const char* call) {
  if (status == CLBlastSuccess) return;
  throw Error(std::string(call) + " failed: " + status_name(static_cast<cl_int>(status)),
              DLR_DEVICE_ERROR);
}

size_t positive(const OpView& op, const char* name, int64_t otherwise) {
  const int64_t value = op.integer(name, otherwise);
  if (value <= 0) throw Declined(std::string("gemm: CLBlast wants '") + name + "' to be positive");
  return static_cast<size_t>(value);
}

CLBlastTranspose transpose(bool yes) {
  return yes ? CLBlastTransposeYes : CLBlastTransposeNo;
}

// C[m,n] = alpha op(A)[m,k] op(B)[k,n] + beta C, row-major.
struct Product {
  explicit Product(const OpView& op)
      : m(positive(op, "m", 0)),
        n(positive(op, "n", 0)),
        k(positive(op, "k", 0)),
        a_transposed(op.integer("transpose_a", 0) != 0),
        b_transposed(op.integer("transpose_b", 0) != 0),
        lda(positive(op, "lda", static_cast<int64_t>(a_transposed ? m : k))),
        ldb(positive(op, "ldb", static_cast<int64_t>(b_transposed ? k : n))),
        ldc(positive(op, "ldc", static_cast<int64_t>(n))),
        alpha(op.number("alpha", 1)),
        beta(op.number("beta", 0)) {}

  size_t m, n, k;
  bool a_transposed, b_transposed;
  size_t lda, ldb, ldc;  // elements
  double alpha, beta;
};

// A buffer and how many elements behind its begin the matrix lies.
struct Matrix {
  Matrix(const dlr_mem& mem, uint64_t space, uint64_t element)
      : buffer(buffer_of(mem, space)), at(mem.offset / element) {
    if (mem.offset % element != 0)
      throw Error("gemm: a matrix lies across elements", DLR_INTERNAL_ERROR);
  }
  cl_mem buffer;
  size_t at;
};

class Gemm : public Plan {
 public:
  Gemm(const Product& product, uint32_t dtype, uint64_t space)
      : p_(product), dtype_(dtype), space_(space) {}

  // The most that a run may take: matrices with an offset are copied where dense ones needn't be.
  size_t workspace_bytes(Stream& stream) const {
    const auto query = dtype_ == DLR_F64 ? CLBlastDGemmTempBufferSize : CLBlastSGemmTempBufferSize;
    cl_command_queue queue = stream.queue();
    size_t bytes = 0;
    check_clblast(
        query(CLBlastLayoutRowMajor, transpose(p_.a_transposed), transpose(p_.b_transposed), p_.m,
              p_.n, p_.k, 1, p_.lda, 1, p_.ldb, 1, p_.ldc, &queue, &bytes),
        "CLBlast's GemmTempBufferSize");
    return bytes;
  }

  void run(Stream& stream, const dlr_mem* args, uint32_t n_args,
           const dlr_mem& workspace) override {
    if (n_args != 3) throw Error("gemm takes 3 arguments", DLR_INTERNAL_ERROR);
    const uint64_t element = bytes_of(dtype_);
    const Matrix a(args[0], space_, element);
    const Matrix b(args[1], space_, element);
    const Matrix c(args[2], space_, element);
    // CLBlast takes a whole buffer; in the middle of one it finds memory itself.
    const cl_mem temporary = workspace.offset == 0 ? buffer_of(workspace, space_) : nullptr;
    cl_event event = nullptr;
    if (dtype_ == DLR_F64) {
      multiply(CLBlastDgemmWithTempBuffer, stream, p_.alpha, p_.beta, a, b, c, temporary, &event);
    } else {
      multiply(CLBlastSgemmWithTempBuffer, stream, static_cast<float>(p_.alpha),
               static_cast<float>(p_.beta), a, b, c, temporary, &event);
    }
    stream.track(event, "gemm");
  }

 private:
  template <class Function, class Number>
  void multiply(Function gemm, Stream& stream, Number alpha, Number beta, const Matrix& a,
                const Matrix& b, const Matrix& c, cl_mem temporary, cl_event* event) {
    cl_command_queue queue = stream.queue();
    check_clblast(
        gemm(CLBlastLayoutRowMajor, transpose(p_.a_transposed), transpose(p_.b_transposed), p_.m,
             p_.n, p_.k, alpha, a.buffer, a.at, p_.lda, b.buffer, b.at, p_.ldb, beta, c.buffer,
             c.at, p_.ldc, &queue, event, temporary),
        "CLBlast's gemm");
  }

  Product p_;
  uint32_t dtype_;
  uint64_t space_;
};

}  // namespace

std::unique_ptr<Plan> plan_gemm(const OpView& op, uint64_t space, Stream& stream) {
  const uint32_t dtype = op.arg(0).dtype;
  if (dtype != DLR_F32 && dtype != DLR_F64) throw Declined("gemm: float32 and float64 only");
  Product product(op);
  if (op.desc().accumulate && product.beta == 0) {
    product.beta = 1;
    op.desc().accumulate_accepted = 1;
  }
  auto gemm = std::make_unique<Gemm>(product, dtype, space);
  op.desc().workspace_bytes = gemm->workspace_bytes(stream);
  return gemm;
}

}  // namespace dlrun::opencl
