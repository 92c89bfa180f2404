// gemm, and the inner products, which are one gemm each.
#include "products.hpp"

#include "plan.hpp"

namespace dlrun::strict {
namespace {

constexpr int64_t kGrain = 4;  // rows

struct Product {
  int64_t n;
  int64_t k;
  Matrix a;
  Matrix b;
  float* c;
  int64_t ldc;
  float alpha;
  float beta;
};

void add_row(const Product& p, int64_t i, float* c) {
  for (int64_t q = 0; q < p.k; ++q) {
    const float factor = p.alpha * p.a.at[i * p.a.row + q * p.a.column];
    const float* b = p.b.at + q * p.b.row;
#pragma omp simd
    for (int64_t j = 0; j < p.n; ++j)
      c[j] += factor * b[j];
  }
}

void add_row_of_dots(const Product& p, int64_t i, float* c) {
  for (int64_t j = 0; j < p.n; ++j) {
    const float* a = p.a.at + i * p.a.row;
    const float* b = p.b.at + j * p.b.column;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t q = 0; q < p.k; ++q)
      sum += a[q * p.a.column] * b[q * p.b.row];
    c[j] += p.alpha * sum;
  }
}

void run_rows(void* context, int64_t begin, int64_t end) {
  const Product& p = *static_cast<const Product*>(context);
  for (int64_t i = begin; i < end; ++i) {
    float* c = p.c + i * p.ldc;
    for (int64_t j = 0; j < p.n; ++j)
      c[j] = p.beta == 0 ? 0 : p.beta * c[j];
    if (p.b.column == 1) {
      add_row(p, i, c);
    } else {
      add_row_of_dots(p, i, c);
    }
  }
}

class GemmPlan final : public Plan {
 public:
  explicit GemmPlan(const OpView& op)
      : m_(op.integer("m", 0)),
        n_(op.integer("n", 0)),
        k_(op.integer("k", 0)),
        alpha_(static_cast<float>(op.number("alpha", 1))),
        beta_(static_cast<float>(op.number("beta", 0))) {
    for (int i = 0; i < op.n_args(); ++i) {
      dlr_tensor_desc& arg = op.arg(i);
      if (arg.dtype != DLR_F32) throw Declined("strict computes operators in float32 only");
      if (arg.layout == DLR_LAYOUT_ANY) arg.layout = DLR_LAYOUT_PLAIN;
      if (arg.layout != DLR_LAYOUT_PLAIN) throw Declined("strict multiplies plain matrices only");
    }
    const bool ta = op.integer("transpose_a", 0) != 0;
    const bool tb = op.integer("transpose_b", 0) != 0;
    const int64_t lda = op.integer("lda", ta ? m_ : k_);
    const int64_t ldb = op.integer("ldb", tb ? k_ : n_);
    a_ = {nullptr, ta ? 1 : lda, ta ? lda : 1};
    b_ = {nullptr, tb ? 1 : ldb, tb ? ldb : 1};
    ldc_ = op.integer("ldc", n_);
  }

  void run(const std::vector<Span>& spans) const override {
    require(spans[0], (m_ - 1) * a_.row + (k_ - 1) * a_.column + 1, "A");
    require(spans[1], (k_ - 1) * b_.row + (n_ - 1) * b_.column + 1, "B");
    require(spans[2], (m_ - 1) * ldc_ + n_, "C");
    multiply(m_, n_, k_, {spans[0].as<const float>(), a_.row, a_.column},
             {spans[1].as<const float>(), b_.row, b_.column}, spans[2].as<float>(), ldc_, alpha_, beta_);
  }

 private:
  void require(const Span& span, int64_t count, const char* which) const {
    if (m_ > 0 && n_ > 0 && k_ > 0 && span.bytes / sizeof(float) < static_cast<uint64_t>(count))
      throw Error(std::string("strict: gemm's ") + which + " leaves its memory", DLR_INTERNAL_ERROR);
  }

  int64_t m_, n_, k_;
  float alpha_, beta_;
  Matrix a_{}, b_{};
  int64_t ldc_ = 0;
};

// x [N,C], w [K,C] or [C,K] when transposed, bias [K], y [N,K].
struct InnerShape {
  int64_t n, c, k;
  bool transposed;
};

InnerShape inner_shape(const OpView& op, int x, int y) {
  return {op.shape(x)[0], op.shape(x).count(1, op.shape(x).rank()), op.shape(y).count(1, op.shape(y).rank()),
          op.integer("transpose", 0) != 0};
}

class InnerForward final : public LoadedPlan {
 public:
  InnerForward(const OpView& op, bool may_block)
      : LoadedPlan(op, {{1}, {0}, {0}, {1, true}}, 0, may_block), s_(inner_shape(op, 0, 3)) {}

 private:
  void compute(float* const* args, float*, const Span&) const override {
    for (int64_t i = 0; i < s_.n * s_.k; ++i)
      args[3][i] = args[2] == nullptr ? 0 : args[2][i % s_.k];
    multiply(s_.n, s_.k, s_.c, {args[0], s_.c, 1}, {args[1], s_.transposed ? s_.k : 1, s_.transposed ? 1 : s_.c},
             args[3], s_.k, 1, 1);
  }
  InnerShape s_;
};

class InnerBackwardData final : public LoadedPlan {
 public:
  InnerBackwardData(const OpView& op, bool may_block)
      : LoadedPlan(op, {{1}, {0}, {1, true}}, 0, may_block), s_(inner_shape(op, 2, 0)) {}

 private:
  void compute(float* const* args, float*, const Span&) const override {
    multiply(s_.n, s_.c, s_.k, {args[0], s_.k, 1}, {args[1], s_.transposed ? 1 : s_.c, s_.transposed ? s_.k : 1},
             args[2], s_.c, 1, 0);
  }
  InnerShape s_;
};

class InnerBackwardWeights final : public LoadedPlan {
 public:
  InnerBackwardWeights(const OpView& op, bool may_block)
      : LoadedPlan(op, {{1}, {1}, {0, true}, {0, true}}, 0, may_block), s_(inner_shape(op, 0, 1)) {}

 private:
  void compute(float* const* args, float*, const Span&) const override {
    const Matrix x_by_c{args[0], 1, s_.c};
    const Matrix dy_by_k{args[1], 1, s_.k};
    if (s_.transposed) {
      multiply(s_.c, s_.k, s_.n, x_by_c, {args[1], s_.k, 1}, args[2], s_.k, 1, 0);
    } else {
      multiply(s_.k, s_.c, s_.n, dy_by_k, {args[0], s_.c, 1}, args[2], s_.c, 1, 0);
    }
    if (args[3] == nullptr) return;
    for (int64_t k = 0; k < s_.k; ++k) {
      args[3][k] = 0;
      for (int64_t n = 0; n < s_.n; ++n)
        args[3][k] += args[1][n * s_.k + k];
    }
  }
  InnerShape s_;
};

}  // namespace

void multiply(int64_t m, int64_t n, int64_t k, Matrix a, Matrix b, float* c, int64_t ldc, float alpha, float beta) {
  Product product{n, k, a, b, c, ldc, alpha, beta};
  host().parallel_for(m, kGrain, run_rows, &product);
}

std::unique_ptr<Plan> plan_gemm(const OpView& op) {
  return std::make_unique<GemmPlan>(op);
}

std::unique_ptr<Plan> plan_inner_product(const OpView& op, bool may_block) {
  if (op.op() == "inner_product_forward") return std::make_unique<InnerForward>(op, may_block);
  if (op.op() == "inner_product_backward_data") return std::make_unique<InnerBackwardData>(op, may_block);
  if (op.op() == "inner_product_backward_weights") return std::make_unique<InnerBackwardWeights>(op, may_block);
  throw Declined("strict has no operator '" + std::string(op.op()) + "'");
}

}  // namespace dlrun::strict
