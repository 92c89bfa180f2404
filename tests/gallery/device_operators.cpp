// The gallery's device: its operators and its private layout.
#include "device.hpp"

#include <algorithm>
#include <cstdlib>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace {

using dlrun::guard;
using gallery::floats;
using gallery::issue;

int64_t padded(int64_t row) {
  return (row + 3) / 4 * 4;
}
int64_t rows_of(const dlrun::Shape& shape) {
  return shape.rank() == 0 ? 1 : shape.count(0, shape.rank() - 1);
}
int64_t row_of(const dlrun::Shape& shape) {
  return shape.rank() == 0 ? 1 : shape[shape.rank() - 1];
}

void choose_layouts(const dlrun::OpView& op, bool private_y) {
  for (int i = 0; i < op.n_args(); ++i) {
    dlr_tensor_desc& arg = op.arg(i);
    if (arg.dtype != 0 && arg.dtype != DLR_F32) throw dlrun::Declined("float32 only");
    const bool is_y = private_y && i == op.n_args() - 1;
    if (arg.layout == DLR_LAYOUT_ANY) arg.layout = is_y ? kRowsOfFour : DLR_LAYOUT_PLAIN;
    if (op.op() != "reorder" && arg.layout != (is_y ? kRowsOfFour : DLR_LAYOUT_PLAIN))
      throw dlrun::Declined("another layout");
  }
}

// Of the first activation behind; "" where there is none.
std::string_view fused_kind(const dlrun::OpView& op) {
  return op.desc().n_post_ops == 0 ? "" : dlrun::from_abi(op.desc().post_ops[0]->kind);
}
bool fuses(const dlrun::OpView& op) {
  return op.op() == "inner_product_forward" && op.desc().n_post_ops == 1 &&
         fused_kind(op) == "relu";
}

[[maybe_unused]] void* volatile kept = nullptr;
[[maybe_unused]] int64_t shared_count = 0;  // plans_share_shape: of the plan made last

// caches_by_shape: that of the first plan of the shape.
float slope_of(const dlrun::Shape& shape, float slope) {
  static std::map<std::string, float> slopes;
  if (kDefect != caches_by_shape) return slope;
  return slopes.emplace(shape.text(), slope).first->second;
}

dlr_error* plan(dlr_device*, dlr_op_desc* inout, dlr_plan** out) {
  return guard([&] {
    if (kDefect == plans_malformed) inout->args[0]->dim[0] = std::abs(inout->args[0]->dim[0]);
    dlr_op_desc looked_at = *inout;
    const bool is_relu = dlrun::from_abi(inout->op) == "relu_forward";
    if (kDefect == ignores_attributes && is_relu && inout->n_attributes > 1)
      looked_at.n_attributes = 1;
    if (kDefect == ignores_arguments && is_relu && inout->n_args > 2) looked_at.n_args = 2;
    const dlrun::OpView op(looked_at);
    const std::string name(op.op());
    const bool known = name == "gemm" || name == "relu_forward" ||
                       name == "inner_product_forward" || name == "inner_product_backward_data" ||
                       name == "reorder" || (kDefect == plans_too_much && name == "tanh_forward");
    if (!known && kDefect == leaks_at_declines) kept = ::operator new(64);
    if (!known) throw dlrun::Declined("it doesn't know " + name);
    const bool relu_behind = fuses(op);
    const bool ignored = kDefect == ignores_fusions && fused_kind(op) == "no_such_fusion";
    if (inout->accumulate != 0 || (inout->n_post_ops > 0 && !relu_behind && !ignored))
      throw dlrun::Declined("it adds nothing, and fuses a ReLU behind inner products only");
    if (name.rfind("inner_product", 0) == 0 && op.integer("transpose", 0) != 0)
      throw dlrun::Declined("transposed");
    for (const char* gaps : {"lda", "ldb", "ldc"}) {
      if (name == "gemm" && op.integer(gaps, -1) >= 0) throw dlrun::Declined("rows with gaps");
    }
    choose_layouts(op, name == "inner_product_forward");
    auto made = std::make_unique<dlr_plan>();
    made->op = name;
    for (int i = 0; i < op.n_args(); ++i) {
      made->shapes.push_back(op.shape(i));
      made->layouts.push_back(op.arg(i).layout);
    }
    if (name == "inner_product_backward_data")
      inout->workspace_bytes = static_cast<uint64_t>(made->shapes[2][1]) * sizeof(float);
    made->has_bias = name == "inner_product_forward" && op.has_arg(2);
    made->transpose_a = op.integer("transpose_a", 0) != 0;
    made->transpose_b = op.integer("transpose_b", 0) != 0;
    made->alpha = static_cast<float>(op.number("alpha", 1));
    made->beta = static_cast<float>(op.number("beta", 0));
    made->slope = slope_of(made->shapes[0], static_cast<float>(op.number("slope", 0)));
    made->relu_behind = relu_behind;
    if (relu_behind && kDefect != fusion_forgets_slope)
      made->slope = static_cast<float>(inout->post_ops[0]->alpha);
    if (kDefect == plans_share_shape && name == "relu_forward")
      shared_count = made->shapes[0].count();
    *out = made.release();
  });
}
void destroy_plan(dlr_device*, dlr_plan* plan) {
  if (kDefect == leaks_plans) kept = ::operator new(64);  // and nothing deletes it
  delete plan;
}

void gemm(const dlr_plan& p, const float* a, const float* b, float* c) {
  const int64_t m = p.shapes[2][0], n = p.shapes[2][1], k = p.shapes[0][p.transpose_a ? 0 : 1];
  const int64_t used = kDefect == drops_long_sums && k > 1024 ? k / 512 * 512 : k;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      float sum = 0;
      for (int64_t l = 0; l < used; ++l)
        sum += a[p.transpose_a ? l * m + i : i * k + l] * b[p.transpose_b ? j * k + l : l * n + j];
      const bool adds = p.beta != 0 && kDefect != beta_ignored;
      c[i * n + j] = p.alpha * sum + (adds ? p.beta * c[i * n + j] : 0);
    }
  }
}

void relu(const dlr_plan& p, const float* x, float* y) {
  if (kDefect == crashes) *static_cast<volatile int*>(nullptr) = 1;
#if defined(__x86_64__)
  if (kDefect == flushes_while_running) _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
  const int64_t count = kDefect == plans_share_shape ? std::min(shared_count, p.shapes[0].count())
                                                     : p.shapes[0].count();
  if (kDefect == clears_in_place) std::fill_n(y, count, 0.0f);
  for (int64_t i = 0; i < count; ++i)
    y[i] = x[i] > 0 ? x[i] : p.slope * x[i];
}

void inner_product(dlr_plan& p, uint64_t weights, const float* x, const float* w, const float* bias,
                   float* y) {
  const int64_t n = p.shapes[0][0], c = p.shapes[0][1], k = p.shapes[1][0];
  if (kDefect == stale_cache) {
    std::vector<float>& kept = p.cache[weights];
    if (kept.empty()) kept.assign(w, w + c * k);
    w = kept.data();
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < padded(k); ++j) {
      float sum = j < k && p.has_bias ? bias[j] : 0;
      for (int64_t l = 0; j < k && l < c; ++l)
        sum += x[i * c + l] * w[j * c + l];
      if (kDefect == wrong_numbers && j == k - 1) sum += 0.25f;
      if (p.relu_behind && sum < 0) sum *= p.slope;
      y[i * padded(k) + j] = j >= k && kDefect == dirty_padding ? 1 : sum;
    }
  }
}

// A row at a time, added up in the workspace.
void inner_product_gradient(const dlr_plan& p, const float* dy, const float* w, float* dx,
                            float* row) {
  if (kDefect == missing_direction) return;
  const int64_t n = p.shapes[2][0], c = p.shapes[2][1], k = p.shapes[1][0];
  for (int64_t i = 0; i < n; ++i) {
    if (kDefect != trusts_workspace) std::fill_n(row, c, 0.0f);
    for (int64_t j = 0; j < k; ++j) {
      for (int64_t l = 0; l < c; ++l)
        row[l] += dy[i * k + j] * w[j * c + l];
    }
    if (kDefect == overruns_workspace) row[c] = 0;
    std::copy_n(row, c, dx + i * c);
    if (kDefect == trusts_workspace) std::fill_n(row, c, 0.0f);  // for the next time
  }
}

float carried(float value) {
  return kDefect == reorders_lossy ? value * (1 + 0x1p-23f) : value;
}

void reorder(const dlr_plan& p, const float* from, float* to) {
  const int64_t row = row_of(p.shapes[0]);
  const int64_t from_row = p.layouts[0] == kRowsOfFour ? padded(row) : row;
  const int64_t to_row = p.layouts[1] == kRowsOfFour ? padded(row) : row;
  for (int64_t i = 0; i < rows_of(p.shapes[0]); ++i) {
    for (int64_t j = 0; j < to_row; ++j)
      to[i * to_row + j] = j < row ? carried(from[i * from_row + j]) : 0;
  }
}

dlr_error* run(dlr_device* device, dlr_stream* stream, dlr_plan* plan, const dlr_mem* args,
               uint32_t n_args, dlr_mem workspace, dlr_mem) {
  if (plan->op == "tanh_forward")
    return guard([] { throw dlrun::Error("it can't", DLR_DEVICE_ERROR); });
  std::vector<dlr_mem> mems(args, args + n_args);
  if (kDefect == keeps_addresses) {
    if (plan->mems.empty()) plan->mems = mems;
    mems = plan->mems;
  }
  return issue(device, stream, [=] {
    std::vector<float*> data;
    for (const dlr_mem& mem : mems)
      data.push_back(mem.bytes == 0 ? nullptr : floats(device, mem));
    if (plan->op == "gemm") gemm(*plan, data[0], data[1], data[2]);
    if (plan->op == "gemm" && kDefect == spoils_input) data[0][0] += 1;
    if (plan->op == "relu_forward") relu(*plan, data[0], data[1]);
    if (plan->op == "reorder") reorder(*plan, data[0], data[1]);
    if (plan->op == "inner_product_forward")
      inner_product(*plan, mems[1].handle, data[0], data[1], data[2], data[3]);
    if (plan->op == "inner_product_backward_data")
      inner_product_gradient(*plan, data[0], data[1], data[2], floats(device, workspace));
  });
}

dlr_error* layout_bytes(dlr_device*, const dlr_tensor_desc* desc, uint64_t* out) {
  const dlrun::Shape shape(*desc);
  const uint64_t bytes =
      static_cast<uint64_t>(rows_of(shape) * padded(row_of(shape))) * sizeof(float);
  *out = kDefect == wraps_at_32_bits ? static_cast<uint32_t>(bytes) : bytes;
  return nullptr;
}

dlr_error* zero_padding(dlr_device* device, dlr_stream* stream, const dlr_tensor_desc* desc,
                        dlr_mem mem) {
  const dlrun::Shape shape(*desc);
  return issue(device, stream, [=] {
    const int64_t row = row_of(shape);
    for (int64_t i = 0; i < rows_of(shape); ++i)
      std::fill(floats(device, mem) + i * padded(row) + row,
                floats(device, mem) + (i + 1) * padded(row), 0.0f);
  });
}

}  // namespace

void gallery::add_operators(dlr_device_type& type) {
  type.plan = plan;
  type.destroy_plan = destroy_plan;
  type.run = run;
  type.layout_bytes = layout_bytes;
  type.zero_padding = zero_padding;
}
