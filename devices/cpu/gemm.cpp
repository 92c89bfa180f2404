// gemm.cpp: the operator gemm.
#include "device_state.hpp"
#include "plan.hpp"

#include <climits>

namespace dlrun::cpu {
namespace {

template <class T>
class GemmPlan final : public dlr_plan {
 public:
  GemmPlan(const Blas& blas, const Product<T>& gemm) : blas_(blas), gemm_(gemm) {}

  void run(const RunArgs& args) override {
    Product<T> gemm = gemm_;
    gemm.a = args.arg<const T>(0);
    gemm.b = args.arg<const T>(1);
    gemm.c = args.arg<T>(2);
    blas_.run(gemm);
  }

 private:
  const Blas& blas_;
  Product<T> gemm_;
};

int extent(const OpView& op, std::string_view name, int64_t otherwise) {
  const int64_t value = op.integer(name, otherwise);
  if (value < 0 || value > INT_MAX)
    throw Declined("gemm: OpenBLAS takes extents up to 2147483647 only");
  return static_cast<int>(value);
}

}  // namespace

std::unique_ptr<dlr_plan> plan_gemm(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    Product<T> gemm{};
    gemm.transpose_a = op.integer("transpose_a", 0) != 0;
    gemm.transpose_b = op.integer("transpose_b", 0) != 0;
    gemm.m = extent(op, "m", 0);
    gemm.n = extent(op, "n", 0);
    gemm.k = extent(op, "k", 0);
    gemm.lda = extent(op, "lda", gemm.transpose_a ? gemm.m : gemm.k);
    gemm.ldb = extent(op, "ldb", gemm.transpose_b ? gemm.k : gemm.n);
    gemm.ldc = extent(op, "ldc", gemm.n);
    gemm.alpha = static_cast<T>(op.number("alpha", 1));
    gemm.beta = static_cast<T>(op.number("beta", 0));
    if (op.desc().accumulate) {
      gemm.beta = gemm.beta == T(0) ? T(1) : gemm.beta;
      op.desc().accumulate_accepted = 1;
    }
    return std::make_unique<GemmPlan<T>>(device.blas(), gemm);
  });
}

}  // namespace dlrun::cpu
