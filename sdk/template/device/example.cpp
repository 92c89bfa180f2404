// The smallest device that is of use: memory of its own, and one operator, relu_forward. Everything else it
// declines, and dlrun runs that on the host. docs/write-a-device.md goes through this file, and on from it.
//
// Its memory can't be reached from outside: a handle is a number, not an address. Only copy() crosses over.
#include <dlrun/device.hpp>
#include <dlrun/plugin.hpp>

#include <cstring>
#include <map>
#include <string>
#include <vector>

// The ABI's opaque types are ours to define.
struct dlr_device {
  std::map<uint64_t, std::vector<char>> memory;  // by handle
  uint64_t next_handle = 1;
};
struct dlr_stream {};  // work is done when a call returns
struct dlr_plan {
  int64_t count;
  float slope;
};

namespace {

using dlrun::guard;  // turns exceptions into the host's errors

constexpr uint64_t kMemory = uint64_t{1} << 30;

uint64_t space_of(const dlr_device* device) {
  return reinterpret_cast<uintptr_t>(device);  // any number but 0, different for each open device
}

// Where `bytes` of a memory lie: in the host's memory, or in ours.
char* at(dlr_device* device, const dlr_mem& mem, uint64_t bytes) {
  if (bytes > mem.bytes) throw dlrun::Error("more bytes than the memory has", DLR_INTERNAL_ERROR);
  if (mem.space == DLR_SPACE_HOST) return dlrun::address<char>(mem);
  if (mem.space != space_of(device)) throw dlrun::Error("a memory of another device", DLR_INTERNAL_ERROR);
  return device->memory.at(mem.handle).data() + mem.offset;
}

// ---- Which devices there are --------------------------------------------------------------------------------

dlr_error* count(uint64_t* n, dlr_string* reason) {
  *n = 1;        // ask your driver here, not earlier
  *reason = {};  // when there is none: "the driver isn't loaded"
  return nullptr;
}

dlr_error* open(uint64_t index, const dlr_device_options*, dlr_device** out) {
  return guard([&] {
    if (index > 0) throw dlrun::Error("there is one device");
    *out = new dlr_device;
  });
}

void close(dlr_device* device) {
  delete device;
}

dlr_error* info(dlr_device*, dlr_device_info* out) {
  out->name = dlrun::literal("a map of memory on the host");
  out->driver = dlrun::literal("1.0");
  out->memory_bytes = kMemory;
  out->alignment = 16;
  out->largest_allocation = 0;  // no limit known
  out->host_memory = 0;         // it does not work in the host's memory
  out->float64 = 0;
  return nullptr;
}

// ---- Level 0: memory and order ------------------------------------------------------------------------------

dlr_error* allocate(dlr_device* device, uint64_t bytes, dlr_mem* out) {
  return guard([&] {
    if (bytes > kMemory) throw dlrun::Error("more than the device has", DLR_OUT_OF_MEMORY);
    const uint64_t handle = device->next_handle++;
    device->memory[handle].resize(bytes);  // std::bad_alloc becomes DLR_OUT_OF_MEMORY too
    *out = {space_of(device), handle, 0, bytes};
  });
}

void release(dlr_device* device, dlr_mem mem) {
  device->memory.erase(mem.handle);
}

dlr_error* copy(dlr_device* device, dlr_stream*, dlr_mem to, dlr_mem from, uint64_t bytes) {
  return guard([&] { std::memcpy(at(device, to, bytes), at(device, from, bytes), bytes); });
}

dlr_error* zero(dlr_device* device, dlr_stream*, dlr_mem mem, uint64_t bytes) {
  return guard([&] { std::memset(at(device, mem, bytes), 0, bytes); });
}

dlr_error* create_stream(dlr_device*, dlr_stream** out) {
  return guard([&] { *out = new dlr_stream; });
}

void destroy_stream(dlr_device*, dlr_stream* stream) {
  delete stream;
}

dlr_error* synchronize(dlr_device*, dlr_stream*) {
  return nullptr;  // nothing is ever under way
}

// ---- An operator --------------------------------------------------------------------------------------------

// Says yes only to what run() below does, and why not otherwise: the reason is shown to users.
dlr_error* plan(dlr_device*, dlr_op_desc* inout, dlr_plan** out) {
  return guard([&] {
    const dlrun::OpView op(*inout);
    if (op.op() != "relu_forward") throw dlrun::Declined("it knows relu_forward only");
    if (inout->accumulate != 0) throw dlrun::Declined("it adds into no output");
    if (inout->n_post_ops > 0) throw dlrun::Declined("it fuses nothing");
    for (int i = 0; i < op.n_args(); ++i) {
      dlr_tensor_desc& arg = op.arg(i);
      if (arg.dtype != DLR_F32) throw dlrun::Declined("it computes in float32 only");
      if (arg.layout == DLR_LAYOUT_ANY) arg.layout = DLR_LAYOUT_PLAIN;  // our choice
      if (arg.layout != DLR_LAYOUT_PLAIN) throw dlrun::Declined("it knows the plain layout only");
    }
    *out = new dlr_plan{op.shape(0).count(), static_cast<float>(op.number("slope", 0))};
  });
}

void destroy_plan(dlr_device*, dlr_plan* plan) {
  delete plan;
}

// x and y; y may be x.
dlr_error* run(dlr_device* device, dlr_stream*, dlr_plan* plan, const dlr_mem* args, uint32_t, dlr_mem, dlr_mem) {
  return guard([&] {
    const uint64_t bytes = static_cast<uint64_t>(plan->count) * sizeof(float);
    const auto* x = reinterpret_cast<const float*>(at(device, args[0], bytes));
    auto* y = reinterpret_cast<float*>(at(device, args[1], bytes));
    for (int64_t i = 0; i < plan->count; ++i)
      y[i] = x[i] > 0 ? x[i] : plan->slope * x[i];
  });
}

constexpr dlr_device_type make_type() {
  dlr_device_type type{};  // what isn't set is absent
  type.size = sizeof type;
  type.score = -1;  // `device: auto` never takes it by itself
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
  type.plan = plan;
  type.destroy_plan = destroy_plan;
  type.run = run;
  return type;
}

constexpr dlr_device_type kType = make_type();

}  // namespace

DLR_PLUGIN("com.vendor.example", "1.0.0", "",
           DLR_PROVIDE("dlrun.device/1", "example", "memory of its own, and ReLU", kType));
