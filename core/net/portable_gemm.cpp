#include "core/net/portable_gemm.hpp"

#include "core/net/core_kernels.hpp"

namespace dlrun::net {

bool is_portable(const Operator& op) {
  return op.op == "gemm";
}

void run_portable(Executor& executor, uint32_t dtype, const Operator& op, const dlr_arg* args) {
  const int64_t m = op.integer("m", 0);
  const int64_t n = op.integer("n", 0);
  const int64_t k = op.integer("k", 0);
  const bool transpose_a = op.integer("transpose_a", 0) != 0;
  const bool transpose_b = op.integer("transpose_b", 0) != 0;
  const int64_t lda = op.integer("lda", transpose_a ? m : k);
  const int64_t ldb = op.integer("ldb", transpose_b ? k : n);
  const auto integer = [](int64_t value) { return dlr_arg{nullptr, 0, value, DLR_SCALAR, 0}; };
  const auto real = [](double value) { return dlr_arg{nullptr, value, 0, DLR_SCALAR, 0}; };
  const dlr_arg all[] = {args[0],
                         args[1],
                         args[2],
                         integer(n),
                         integer(k),
                         integer(transpose_a ? 1 : lda),
                         integer(transpose_a ? lda : 1),
                         integer(transpose_b ? 1 : ldb),
                         integer(transpose_b ? ldb : 1),
                         integer(op.integer("ldc", n)),
                         real(op.number("alpha", 1)),
                         real(op.number("beta", 0))};
  executor.launch(kernels::core_gemm, dtype, m, n, all, 12);
}

}  // namespace dlrun::net
