// cpu.cpp: the cpu device: the host's cores, with OpenBLAS and operators of its own. Always there;
// the reference.
#include "device_state.hpp"
#include "launch.hpp"
#include "memory.hpp"
#include "plan.hpp"

#include <dlrun/plugin.hpp>

#include <cstring>

struct dlr_stream {};  // work is done when a call returns, so a stream has no state

namespace dlrun::cpu {
namespace {

dlr_error* count(uint64_t* n, dlr_string* reason) {
  *n = 1;
  *reason = {};
  return nullptr;
}

dlr_error* open(uint64_t index, const dlr_device_options* options, dlr_device** out) {
  return guard([&] {
    if (index != 0)
      throw Error("there is only one cpu device, number 0; number " + std::to_string(index) +
                  " was asked for");
    *out = new dlr_device(
        options != nullptr ? *options : dlr_device_options{sizeof(dlr_device_options), 0, {}});
  });
}

void close(dlr_device* device) {
  delete device;
}

dlr_error* info(dlr_device* device, dlr_device_info* out) {
  device->state.describe(*out);
  return nullptr;
}

dlr_error* allocate_memory(dlr_device*, uint64_t bytes, dlr_mem* out) {
  return guard([&] {
    *out = {DLR_SPACE_HOST, reinterpret_cast<uintptr_t>(allocate(bytes)), 0, bytes};
  });
}

void release_memory(dlr_device*, dlr_mem mem) {
  release(reinterpret_cast<void*>(static_cast<uintptr_t>(mem.handle)));
}

dlr_error* copy(dlr_device*, dlr_stream*, dlr_mem to, dlr_mem from, uint64_t bytes) {
  return guard([&] {
    require_room(to, bytes);
    require_room(from, bytes);
    if (bytes > 0) std::memmove(address<char>(to), address<const char>(from), bytes);
  });
}

dlr_error* zero(dlr_device*, dlr_stream*, dlr_mem mem, uint64_t bytes) {
  return guard([&] {
    require_room(mem, bytes);
    if (bytes > 0) std::memset(address<char>(mem), 0, bytes);
  });
}

dlr_error* create_stream(dlr_device*, dlr_stream** out) {
  return guard([&] { *out = new dlr_stream; });
}

void destroy_stream(dlr_device*, dlr_stream* stream) {
  delete stream;
}

dlr_error* synchronize(dlr_device*, dlr_stream*) {
  return nullptr;
}

dlr_error* build(dlr_device* device, const dlr_kernel* kernel, uint32_t dtype, uint32_t index_bits,
                 dlr_built_kernel** out) {
  return guard([&] { *out = build_kernel(device->state.isa(), *kernel, dtype, index_bits); });
}

void release_built(dlr_device*, dlr_built_kernel* kernel) {
  delete kernel;
}

dlr_error* launch_built(dlr_device*, dlr_stream*, dlr_built_kernel* kernel, int64_t items,
                        int64_t width, const dlr_kernel_arg* args, uint32_t) {
  launch(*kernel, items, width, args);
  return nullptr;
}

dlr_error* plan(dlr_device* device, dlr_op_desc* desc, dlr_plan** out) {
  return guard([&] { *out = make_plan(device->state, *desc).release(); });
}

void destroy_plan(dlr_device*, dlr_plan* plan) {
  delete plan;
}

dlr_error* run(dlr_device*, dlr_stream*, dlr_plan* plan, const dlr_mem* args, uint32_t n_args,
               dlr_mem workspace, dlr_mem reserve) {
  return guard([&] { plan->run(RunArgs(args, n_args, workspace, reserve)); });
}

constexpr dlr_device_type make_type() {
  dlr_device_type type{};
  type.size = sizeof type;
  type.score = 10;
  type.is_host = 1;
  type.count = count;
  type.open = open;
  type.close = close;
  type.info = info;
  type.allocate = allocate_memory;
  type.release = release_memory;
  type.copy = copy;
  type.zero = zero;
  type.create_stream = create_stream;
  type.destroy_stream = destroy_stream;
  type.synchronize = synchronize;
  type.build_kernel = build;
  type.release_kernel = release_built;
  type.launch = launch_built;
  type.plan = plan;
  type.destroy_plan = destroy_plan;
  type.run = run;
  return type;
}

constexpr dlr_device_type kType = make_type();

}  // namespace
}  // namespace dlrun::cpu

DLR_PLUGIN("org.dlrun.cpu", "0.1.0", "",
           DLR_PROVIDE("dlrun.device/1", "cpu",
                       "the host's cores: OpenBLAS and operators of its own", dlrun::cpu::kType));
