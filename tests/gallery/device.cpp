// A device with one mistake, chosen by -DDEFECT=NAME; with `none` it is right.
//
// Memory of its own, reached by copies alone; streams whose work is done when somebody waits for
// it; gemm, relu_forward and the inner product, whose y lies in rows of four with zeros behind.
#include <dlrun/device.hpp>
#include <dlrun/plugin.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace {

enum Defect {
  none,
  wrong_numbers,
  plans_too_much,
  missing_wait,
  beta_ignored,
  stale_cache,
  copies_backwards,
  wraps_at_32_bits,
  missing_direction,
  dirty_padding,
  leaks,
  crashes,
  hangs,
  sets_reserved,
  leaks_pages,
  leaks_plans,
  copies_beyond,
  spoils_youngest,
  shares_memory,
  plans_malformed,
  plans_share_shape,
  overruns_workspace,
  trusts_workspace,
  flushes_while_running,
};
constexpr Defect kDefect = DEFECT;
constexpr uint64_t kRowsOfFour = 4;  // the private layout

}  // namespace

struct dlr_stream {
  std::deque<std::function<bool()>> work;  // false: not yet
};
struct dlr_event {
  std::shared_ptr<bool> reached;
};
struct dlr_device {
  std::map<uint64_t, std::vector<char>> memory;
  uint64_t next_handle = 1;
  std::vector<dlr_stream*> streams;
};
struct dlr_plan {
  std::string op;
  std::vector<dlrun::Shape> shapes;
  std::vector<uint64_t> layouts;
  bool transpose_a = false, transpose_b = false, has_bias = false;
  float alpha = 1, beta = 0, slope = 0;
  std::map<uint64_t, std::vector<float>> cache;  // stale_cache: weights by handle
};

namespace {

using dlrun::guard;

// shares_memory: handles of one device are those of another, and so are the bytes behind them.
std::map<uint64_t, std::vector<char>>& memory_of(dlr_device* device) {
  static std::map<uint64_t, std::vector<char>> of_all;
  return kDefect == shares_memory ? of_all : device->memory;
}

char* at(dlr_device* device, const dlr_mem& mem) {
  if (mem.space == DLR_SPACE_HOST) return dlrun::address<char>(mem);
  return memory_of(device).at(mem.handle).data() + mem.offset;
}
float* floats(dlr_device* device, const dlr_mem& mem) {
  return reinterpret_cast<float*>(at(device, mem));
}

// ---- Streams: work waits in them until somebody asks
// -------------------------------------------------------

// Runs what can run; whether anything did.
bool advance(dlr_stream* stream) {
  bool any = false;
  while (!stream->work.empty() && stream->work.front()()) {
    stream->work.pop_front();
    any = true;
  }
  return any;
}

void finish(dlr_device* device) {
  for (bool any = true; any;) {
    any = false;
    for (auto stream = device->streams.rbegin(); stream != device->streams.rend(); ++stream)
      any = advance(*stream) || any;  // the youngest first: an order that only events hold together
  }
}

dlr_error* issue(dlr_device* device, dlr_stream* stream, std::function<void()> body) {
  return guard([&] {
    if (stream == nullptr) {
      finish(device);
      return body();
    }
    stream->work.push_back([body] {
      body();
      return true;
    });
  });
}

dlr_error* create_stream(dlr_device* device, dlr_stream** out) {
  return guard([&] { device->streams.push_back(*out = new dlr_stream); });
}
void destroy_stream(dlr_device* device, dlr_stream* stream) {
  finish(device);
  device->streams.erase(std::find(device->streams.begin(), device->streams.end(), stream));
  delete stream;
}
dlr_error* synchronize(dlr_device* device, dlr_stream*) {
  if (kDefect == hangs)
    for (volatile bool forever = true; forever;) {
    }
  return guard([&] { finish(device); });
}
dlr_error* record(dlr_device*, dlr_stream* stream, dlr_event** inout) {
  return guard([&] {
    if (*inout == nullptr) *inout = new dlr_event;
    const auto reached = std::make_shared<bool>(false);
    (*inout)->reached = reached;
    stream->work.push_back([reached] { return *reached = true; });
  });
}
dlr_error* wait(dlr_device*, dlr_stream* stream, dlr_event* event) {
  if (kDefect == missing_wait) return nullptr;
  return guard([&] { stream->work.push_back([reached = event->reached] { return *reached; }); });
}
void destroy_event(dlr_device*, dlr_event* event) {
  delete event;
}

// ---- The device and its memory
// -------------------------------------------------------------------------------

dlr_error* count(uint64_t* n, dlr_string* reason) {
  *n = 1;
  *reason = {};
  return nullptr;
}
dlr_error* open(uint64_t index, const dlr_device_options*, dlr_device** out) {
  return guard([&] {
    if (index > 0) throw dlrun::Error("there is one device");
    *out = new dlr_device;
    if (kDefect == leaks_pages) mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  });
}
void close(dlr_device* device) {
  if (kDefect != leaks) delete device;
}
dlr_error* info(dlr_device*, dlr_device_info* out) {
  out->name = dlrun::literal("a device with one mistake");
  out->driver = dlrun::literal("");
  out->memory_bytes = uint64_t{1} << 30;
  out->alignment = 16;
  out->largest_allocation = 0;
  out->host_memory = 0;
  out->float64 = 0;
  out->reserved[0] = kDefect == sets_reserved;
  return nullptr;
}
dlr_error* allocate(dlr_device* device, uint64_t bytes, dlr_mem* out) {
  return guard([&] {
    if (bytes > uint64_t{1} << 30) throw dlrun::Error("more than there is", DLR_OUT_OF_MEMORY);
    const uint64_t handle = device->next_handle++;
    memory_of(device)[handle].resize(bytes);
    *out = {reinterpret_cast<uintptr_t>(device), handle, 0, bytes};
  });
}
void release(dlr_device* device, dlr_mem mem) {
  finish(device);
  if (kDefect == spoils_youngest) memory_of(device).rbegin()->second[0] ^= 1;
  if (kDefect != leaks) memory_of(device).erase(mem.handle);
}
dlr_error* copy(dlr_device* device, dlr_stream* stream, dlr_mem to, dlr_mem from, uint64_t bytes) {
  const bool within = to.space != DLR_SPACE_HOST && from.space != DLR_SPACE_HOST;
  if (kDefect == copies_backwards && within) std::swap(to, from);
  if (kDefect == copies_beyond) bytes = std::min({bytes, to.bytes, from.bytes});
  return guard([&] {
    dlrun::require_room(to, bytes);
    dlrun::require_room(from, bytes);
    dlrun::check(
        issue(device, stream, [=] { std::memcpy(at(device, to), at(device, from), bytes); }));
  });
}
dlr_error* zero(dlr_device* device, dlr_stream* stream, dlr_mem mem, uint64_t bytes) {
  return guard([&] {
    dlrun::require_room(mem, bytes);
    dlrun::check(issue(device, stream, [=] { std::memset(at(device, mem), 0, bytes); }));
  });
}

// ---- Operators
// -------------------------------------------------------------------------------------------------

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

[[maybe_unused]] void* volatile kept = nullptr;
[[maybe_unused]] int64_t shared_count = 0;  // plans_share_shape: of the plan made last

dlr_error* plan(dlr_device*, dlr_op_desc* inout, dlr_plan** out) {
  return guard([&] {
    if (kDefect == plans_malformed) inout->args[0]->dim[0] = std::abs(inout->args[0]->dim[0]);
    const dlrun::OpView op(*inout);
    const std::string name(op.op());
    const bool known = name == "gemm" || name == "relu_forward" ||
                       name == "inner_product_forward" || name == "inner_product_backward_data" ||
                       name == "reorder" || (kDefect == plans_too_much && name == "tanh_forward");
    if (!known) throw dlrun::Declined("it doesn't know " + name);
    if (inout->accumulate != 0 || inout->n_post_ops > 0)
      throw dlrun::Declined("it adds and fuses nothing");
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
    made->slope = static_cast<float>(op.number("slope", 0));
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
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      float sum = 0;
      for (int64_t l = 0; l < k; ++l)
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

void reorder(const dlr_plan& p, const float* from, float* to) {
  const int64_t row = row_of(p.shapes[0]);
  const int64_t from_row = p.layouts[0] == kRowsOfFour ? padded(row) : row;
  const int64_t to_row = p.layouts[1] == kRowsOfFour ? padded(row) : row;
  for (int64_t i = 0; i < rows_of(p.shapes[0]); ++i) {
    for (int64_t j = 0; j < to_row; ++j)
      to[i * to_row + j] = j < row ? from[i * from_row + j] : 0;
  }
}

dlr_error* run(dlr_device* device, dlr_stream* stream, dlr_plan* plan, const dlr_mem* args,
               uint32_t n_args, dlr_mem workspace, dlr_mem) {
  if (plan->op == "tanh_forward")
    return guard([] { throw dlrun::Error("it can't", DLR_DEVICE_ERROR); });
  const std::vector<dlr_mem> mems(args, args + n_args);
  return issue(device, stream, [=] {
    std::vector<float*> data;
    for (const dlr_mem& mem : mems)
      data.push_back(mem.bytes == 0 ? nullptr : floats(device, mem));
    if (plan->op == "gemm") gemm(*plan, data[0], data[1], data[2]);
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

constexpr dlr_device_type make_type() {
  dlr_device_type type{};
  type.size = sizeof type;
  type.score = -1;
  type.count = count;
  type.open = open;
  type.close = close;
  type.info = info;
  type.allocate = allocate;
  type.release = release;
  type.copy = copy;
  type.zero = zero;
  type.create_stream = create_stream;
  type.destroy_stream = destroy_stream;
  type.synchronize = synchronize;
  type.record = record;
  type.wait = wait;
  type.destroy_event = destroy_event;
  type.plan = plan;
  type.destroy_plan = destroy_plan;
  type.run = run;
  type.layout_bytes = layout_bytes;
  type.zero_padding = zero_padding;
  return type;
}

constexpr dlr_device_type kGallery = make_type();

}  // namespace

DLR_PLUGIN("org.example.gallery.device", "1.0.0", "",
           DLR_PROVIDE("dlrun.device/1", "gallery", "a device with one mistake", kGallery));
