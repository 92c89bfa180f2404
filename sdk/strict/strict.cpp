// The device "strict": finds what a host, a layer or a device's user does wrong. README.md says what it
// watches; here is its border.
#include <dlrun/kernel_source.hpp>
#include <dlrun/plugin.hpp>

#include "options.hpp"
#include "plan.hpp"
#include "scheduler.hpp"

#include <cstdlib>

namespace strict = dlrun::strict;
using dlrun::Error;
using dlrun::guard;

struct dlr_device {
  explicit dlr_device(const strict::Options& chosen)
      : options(chosen),
        memory(reinterpret_cast<uintptr_t>(this), chosen.memory, chosen.seed),
        scheduler(memory, chosen.seed, chosen.late, chosen.fail_late),
        random(chosen.seed) {}

  strict::Options options;
  strict::Memory memory;
  strict::Scheduler scheduler;
  std::mt19937_64 random;
  uint64_t n_calls = 0, n_allocations = 0, n_copies = 0;
  int64_t n_plans = 0, n_kernels = 0;
};
struct dlr_stream {
  strict::Stream* lane;
};
struct dlr_event {
  strict::Mark mark;
};
struct dlr_built_kernel {
  std::string name;
  dlr_cpu_entry entry;
  std::vector<dlrun::KernelParameter> parameters;
};
struct dlr_plan {
  std::string name;
  std::vector<uint64_t> bytes;  // that each argument must have; 0: absent, or any
  uint64_t workspace, reserve;
  std::unique_ptr<strict::Plan> plan;
};

namespace {

strict::Stream* lane(dlr_stream* stream) {
  return stream == nullptr ? nullptr : stream->lane;
}

// Runs a call's body, unless this is the one that fails by plan.
template <class Body>
dlr_error* call(dlr_device* device, Body&& body) {
  return guard([&] {
    if (++device->n_calls == device->options.fail_call)
      throw Error("strict: call " + std::to_string(device->n_calls) + " failed, as planned", DLR_DEVICE_ERROR);
    body();
  });
}

// What can't be returned by a function that returns nothing.
void complain(dlr_device* device, const std::string& problem) {
  if (problem.empty()) return;
  dlrun::log_warning("strict: " + problem);
  device->scheduler.report_late("strict: " + problem);
}

dlr_error* count(uint64_t* n, dlr_string* reason) {
  *n = 2;  // so that something can move between two
  *reason = {};
  return nullptr;
}

dlr_error* open(uint64_t index, const dlr_device_options*, dlr_device** out) {
  return guard([&] {
    if (index > 1) throw Error("strict: there are devices 0 and 1");
    const char* text = std::getenv("DLRUN_STRICT");
    strict::Options options = strict::parse_options(text == nullptr ? "" : text);
    options.seed += index;
    *out = new dlr_device(options);
  });
}

void close(dlr_device* device) {
  const auto left = [&](auto n, const char* what) {
    if (n != 0) complain(device, std::to_string(n) + " " + what + " left when the device is closed");
  };
  left(device->scheduler.n_streams(), "streams");
  left(device->memory.pieces(), "memories");
  left(device->n_plans, "plans");
  left(device->n_kernels, "kernels");
  delete device;
}

dlr_error* info(dlr_device* device, dlr_device_info* out) {
  return call(device, [&] {
    out->name = dlrun::literal("strict: finds mistakes, slowly");
    out->driver = dlrun::literal("");
    out->memory_bytes = device->options.memory;
    out->alignment = 64;
    out->largest_allocation = 0;
    out->host_memory = 0;
    out->float64 = 1;
  });
}

dlr_error* allocate(dlr_device* device, uint64_t bytes, dlr_mem* out) {
  return call(device, [&] {
    if (++device->n_allocations == device->options.fail_allocation)
      throw Error("strict: this allocation failed, as planned", DLR_OUT_OF_MEMORY);
    if (bytes == 0) throw Error("strict: an allocation of 0 bytes", DLR_INTERNAL_ERROR);
    *out = device->memory.allocate(bytes);
  });
}

// Where no error can be returned: what fails is told when the stream is waited for.
void finish_all(dlr_device* device) {
  dlr_error* error = guard([&] { device->scheduler.finish(nullptr); });
  if (error != nullptr) dlrun::host().error_free(error);
}

void release(dlr_device* device, dlr_mem mem) {
  if (device->scheduler.needs(mem)) {
    complain(device, "a memory is released while issued work needs it");
    finish_all(device);
  }
  complain(device, device->memory.release(mem));
}

dlr_error* copy(dlr_device* device, dlr_stream* stream, dlr_mem to, dlr_mem from, uint64_t bytes) {
  return call(device, [&] {
    if (++device->n_copies == device->options.fail_copy)
      throw Error("strict: this copy failed, as planned", DLR_DEVICE_ERROR);
    device->memory.require(to, bytes, true);
    device->memory.require(from, bytes, true);
    device->scheduler.issue(lane(stream), {"a copy",
                                           {to, from},
                                           [bytes](const std::vector<strict::Span>& spans) {
                                             std::copy_n(spans[1].data, bytes, spans[0].data);
                                           },
                                           nullptr,
                                           nullptr});
  });
}

dlr_error* zero(dlr_device* device, dlr_stream* stream, dlr_mem mem, uint64_t bytes) {
  return call(device, [&] {
    device->memory.require(mem, bytes, false);
    device->scheduler.issue(
        lane(stream), {"zeroing",
                       {mem},
                       [bytes](const std::vector<strict::Span>& spans) { std::fill_n(spans[0].data, bytes, '\0'); },
                       nullptr,
                       nullptr});
  });
}

dlr_error* create_stream(dlr_device* device, dlr_stream** out) {
  return call(device, [&] { *out = new dlr_stream{device->scheduler.add_stream()}; });
}

void destroy_stream(dlr_device* device, dlr_stream* stream) {
  complain(device, device->scheduler.remove_stream(lane(stream)));
  delete stream;
}

dlr_error* synchronize(dlr_device* device, dlr_stream* stream) {
  return call(device, [&] { device->scheduler.finish(lane(stream)); });
}

dlr_error* record(dlr_device* device, dlr_stream* stream, dlr_event** inout) {
  return call(device, [&] {
    if (*inout == nullptr) *inout = new dlr_event;
    const strict::Mark mark = std::make_shared<bool>(false);
    (*inout)->mark = mark;
    device->scheduler.issue(lane(stream), {"an event", {}, [mark](const auto&) { *mark = true; }, nullptr, nullptr});
  });
}

dlr_error* wait(dlr_device* device, dlr_stream* stream, dlr_event* event) {
  return call(device, [&] { device->scheduler.issue(lane(stream), {"a wait", {}, {}, nullptr, event->mark}); });
}

void destroy_event(dlr_device*, dlr_event* event) {
  delete event;
}

dlr_cpu_entry entry_of(const dlr_kernel& kernel, uint32_t dtype, uint32_t index_bits) {
  for (uint32_t i = 0; i < kernel.n_variants; ++i) {
    const dlr_cpu_variant& variant = *kernel.variants[i];
    if (dlrun::from_abi(variant.isa) != "baseline") continue;
    if (dtype == DLR_F32) return index_bits == 64 ? variant.f32_wide : variant.f32;
    if (dtype == DLR_F64) return index_bits == 64 ? variant.f64_wide : variant.f64;
  }
  return nullptr;
}

dlr_error* build_kernel(dlr_device* device, const dlr_kernel* kernel, uint32_t dtype, uint32_t index_bits,
                        dlr_built_kernel** out) {
  return call(device, [&] {
    const std::string name(dlrun::from_abi(kernel->name));
    const dlr_cpu_entry entry = entry_of(*kernel, dtype, index_bits);
    if (entry == nullptr) throw dlrun::Declined("strict: kernel '" + name + "' has no baseline build for this type");
    *out = new dlr_built_kernel{name, entry, dlrun::parse_parameters(dlrun::from_abi(kernel->parameters))};
    ++device->n_kernels;
  });
}

void release_kernel(dlr_device* device, dlr_built_kernel* kernel) {
  if (device->scheduler.needs(kernel))
    complain(device, "kernel '" + kernel->name + "' is released while issued work needs it");
  --device->n_kernels;
  delete kernel;
}

// Items are independent, so they may run in any order: in drawn pieces, the last ones first.
void run_items(dlr_cpu_entry entry, const std::vector<dlr_kernel_arg>& args, int64_t items, uint64_t draw) {
  const int64_t piece = 1 + items / (1 + static_cast<int64_t>(draw % 4));
  for (int64_t end = items; end > 0; end -= piece)
    entry(args.data(), std::max<int64_t>(end - piece, 0), end);
}

dlr_error* launch(dlr_device* device, dlr_stream* stream, dlr_built_kernel* kernel, int64_t items, int64_t width,
                  const dlr_kernel_arg* args, uint32_t n_args) {
  return call(device, [&] {
    if (n_args != kernel->parameters.size() || items <= 0 || width <= 0)
      throw Error("strict: kernel '" + kernel->name + "' is launched with wrong arguments", DLR_INTERNAL_ERROR);
    std::vector<dlr_mem> mems;
    for (uint32_t i = 0; i < n_args; ++i) {
      const bool is_buffer = kernel->parameters[i].kind == dlrun::KernelParameterKind::kBuffer;
      mems.push_back(is_buffer ? args[i].mem : dlr_mem{});
      if (is_buffer && args[i].mem.bytes > 0) device->memory.require(args[i].mem, args[i].mem.bytes, false);
    }
    const auto work = [entry = kernel->entry, items, draw = device->random(),
                       given =
                           std::vector<dlr_kernel_arg>(args, args + n_args)](const std::vector<strict::Span>& spans) {
      std::vector<dlr_kernel_arg> usable = given;
      for (size_t i = 0; i < spans.size(); ++i)
        usable[i].mem = {DLR_SPACE_HOST, reinterpret_cast<uintptr_t>(spans[i].data), 0, spans[i].bytes};
      run_items(entry, usable, items, draw);
    };
    device->scheduler.issue(lane(stream), {"kernel '" + kernel->name + "'", mems, work, kernel, nullptr});
  });
}

uint64_t bytes_of(const dlr_tensor_desc& desc) {
  const int64_t elements =
      strict::is_blocked(desc.layout) ? strict::blocked_of(desc).padded() : dlrun::Shape(desc).count();
  return static_cast<uint64_t>(elements) * ((desc.dtype & 0xFFu) / 8);
}

dlr_error* plan(dlr_device* device, dlr_op_desc* inout, dlr_plan** out) {
  return call(device, [&] {
    const dlrun::OpView op(*inout);
    if (device->options.declines(op.op())) throw dlrun::Declined("declined, as planned");
    auto made = std::make_unique<dlr_plan>();
    made->name = std::string(op.op());
    made->plan = strict::make_plan(op, !device->options.plain);
    for (int i = 0; i < op.n_args(); ++i)
      made->bytes.push_back(op.has_arg(i) && op.op() != "gemm" ? bytes_of(op.arg(i)) : 0);
    made->workspace = inout->workspace_bytes;
    made->reserve = inout->reserve_bytes;
    ++device->n_plans;
    *out = made.release();
  });
}

void destroy_plan(dlr_device* device, dlr_plan* plan) {
  if (device->scheduler.needs(plan)) {
    complain(device, "a plan of '" + plan->name + "' is destroyed while issued work needs it");
    finish_all(device);
  }
  --device->n_plans;
  delete plan;
}

dlr_error* run(dlr_device* device, dlr_stream* stream, dlr_plan* plan, const dlr_mem* args, uint32_t n_args,
               dlr_mem workspace, dlr_mem reserve) {
  return call(device, [&] {
    std::vector<dlr_mem> mems(args, args + n_args);
    if (n_args != plan->bytes.size())
      throw Error("strict: " + plan->name + " is run with other arguments than planned");
    for (uint32_t i = 0; i < n_args; ++i) {
      const uint64_t bytes = plan->bytes[i] > 0 ? plan->bytes[i] : mems[i].bytes;
      if (bytes > 0) device->memory.require(mems[i], bytes, false);
    }
    if (plan->workspace > 0) device->memory.require(workspace, plan->workspace, false);
    if (plan->reserve > 0) device->memory.require(reserve, plan->reserve, false);
    mems.push_back(plan->workspace > 0 ? workspace : dlr_mem{});
    mems.push_back(plan->reserve > 0 ? reserve : dlr_mem{});
    const auto work = [made = plan->plan.get()](const std::vector<strict::Span>& spans) { made->run(spans); };
    device->scheduler.issue(lane(stream), {plan->name, mems, work, plan, nullptr});
  });
}

dlr_error* layout_bytes(dlr_device* device, const dlr_tensor_desc* desc, uint64_t* out) {
  return call(device, [&] { *out = bytes_of(*desc); });
}

dlr_error* zero_padding(dlr_device* device, dlr_stream* stream, const dlr_tensor_desc* desc, dlr_mem mem) {
  return call(device, [&] {
    const strict::Blocked shape = strict::blocked_of(*desc);
    device->memory.require(mem, bytes_of(*desc), false);
    device->scheduler.issue(lane(stream), {"zeroing of padding",
                                           {mem},
                                           [shape](const std::vector<strict::Span>& spans) {
                                             strict::zero_padding(shape, spans[0].as<float>());
                                           },
                                           nullptr,
                                           nullptr});
  });
}

constexpr dlr_device_type make_type() {
  dlr_device_type type{};
  type.size = sizeof type;
  type.score = -1;  // never by itself
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
  type.build_kernel = build_kernel;
  type.release_kernel = release_kernel;
  type.launch = launch;
  type.plan = plan;
  type.destroy_plan = destroy_plan;
  type.run = run;
  type.layout_bytes = layout_bytes;
  type.zero_padding = zero_padding;
  return type;
}

constexpr dlr_device_type kStrict = make_type();

}  // namespace

DLR_PLUGIN("org.dlrun.strict", "0.1.0", "",
           DLR_PROVIDE("dlrun.device/1", "strict", "finds mistakes: late streams, odd layouts, closed memory",
                       kStrict));
