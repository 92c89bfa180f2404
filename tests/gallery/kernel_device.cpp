// A device that runs nothing but kernels, with one mistake in them, chosen by -DDEFECT=NAME; with
// `none` it is right. Its memory is the host's, though it doesn't say so; all is done at once.
#include <dlrun/device.hpp>
#include <dlrun/plugin.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string_view>
#include <vector>

namespace {

enum Defect {
  none,
  doubles_rates,
  wrong_numbers,
  ignores_offsets,
  unrepeatable,
  builds_nonsense,
  skips_the_last,
  leaks_in_layers,
  limits_items,
  rounds_reals,
  truncates_integers,
};
constexpr Defect kDefect = DEFECT;

}  // namespace

struct dlr_stream {};
struct dlr_event {};
struct dlr_device {
  std::set<void*> memory;
};
struct dlr_built_kernel {
  const dlr_kernel* kernel;
  dlr_cpu_entry entry;
};

namespace {

using dlrun::address;
using dlrun::guard;

dlr_error* count(uint64_t* n, dlr_string*) {
  *n = 1;
  return nullptr;
}
dlr_error* open(uint64_t index, const dlr_device_options*, dlr_device** out) {
  return guard([&] {
    if (index != 0) throw dlrun::Error("there is one device");
    *out = new dlr_device;
  });
}
void close(dlr_device* device) {
  delete device;
}
dlr_error* info(dlr_device*, dlr_device_info* out) {
  out->name = dlrun::literal("kernels with one mistake");
  out->driver = dlrun::literal("");
  out->memory_bytes = uint64_t{1} << 30;
  out->alignment = 16;
  out->largest_allocation = 0;
  out->host_memory = 0;
  out->float64 = 1;
  return nullptr;
}

dlr_error* allocate(dlr_device* device, uint64_t bytes, dlr_mem* out) {
  return guard([&] {
    if (bytes > uint64_t{1} << 30) throw dlrun::Error("more than there is", DLR_OUT_OF_MEMORY);
    void* memory = std::malloc(bytes + 1);
    if (memory == nullptr) throw dlrun::Error("more than there is", DLR_OUT_OF_MEMORY);
    std::memset(memory, 0xFF, bytes);  // or what was there before could pass for a result
    device->memory.insert(memory);
    *out = {reinterpret_cast<uintptr_t>(device), reinterpret_cast<uintptr_t>(memory), 0, bytes};
  });
}
void release(dlr_device* device, dlr_mem mem) {
  void* memory = reinterpret_cast<void*>(static_cast<uintptr_t>(mem.handle));
  if (device->memory.erase(memory) != 0) std::free(memory);
}
dlr_error* copy(dlr_device*, dlr_stream*, dlr_mem to, dlr_mem from, uint64_t bytes) {
  return guard([&] {
    dlrun::require_room(to, bytes);
    dlrun::require_room(from, bytes);
    if (bytes > 0) std::memmove(address<char>(to), address<char>(from), bytes);
  });
}
dlr_error* zero(dlr_device*, dlr_stream*, dlr_mem mem, uint64_t bytes) {
  return guard([&] {
    dlrun::require_room(mem, bytes);
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

dlr_cpu_entry entry_of(const dlr_kernel& kernel, uint32_t dtype, uint32_t index_bits) {
  for (uint32_t i = 0; i < kernel.n_variants; ++i) {
    const dlr_cpu_variant& variant = *kernel.variants[i];
    if (dlrun::from_abi(variant.isa) != "baseline") continue;
    if (dtype == DLR_F32) return index_bits == 64 ? variant.f32_wide : variant.f32;
    return index_bits == 64 ? variant.f64_wide : variant.f64;
  }
  if (kDefect == builds_nonsense) return nullptr;
  throw dlrun::Error("no baseline build of the kernel", DLR_UNIMPLEMENTED);
}

dlr_error* build_kernel(dlr_device*, const dlr_kernel* kernel, uint32_t dtype, uint32_t index_bits,
                        dlr_built_kernel** out) {
  return guard([&] { *out = new dlr_built_kernel{kernel, entry_of(*kernel, dtype, index_bits)}; });
}
void release_kernel(dlr_device*, dlr_built_kernel* kernel) {
  delete kernel;
}

[[maybe_unused]] void* volatile kept = nullptr;
[[maybe_unused]] int64_t n_launches = 0;

dlr_error* launch(dlr_device*, dlr_stream*, dlr_built_kernel* kernel, int64_t items, int64_t,
                  const dlr_kernel_arg* args, uint32_t n_args) {
  return guard([&] {
    std::vector<dlr_kernel_arg> own(args, args + n_args);
    const std::string_view name = dlrun::from_abi(kernel->kernel->name);
    const bool is_update = name.find("_update") != name.npos;
    const bool is_of_core = name.find("core_") == 0;
    if (kDefect == doubles_rates && is_update) own.back().real *= 2;  // its last number
    // A grid has no more in its second direction.
    if (kDefect == limits_items) items = std::min<int64_t>(items, 65535);
    ++n_launches;
    for (dlr_kernel_arg& arg : own) {
      if (kDefect == ignores_offsets) arg.mem.offset = 0;
      if (kDefect == wrong_numbers) arg.real *= 1.01;
      if (kDefect == rounds_reals) arg.real = static_cast<float>(arg.real);
      if (kDefect == truncates_integers) arg.integer = static_cast<int32_t>(arg.integer);
      if (kDefect == unrepeatable) arg.real *= n_launches % 2 == 0 ? 1 : 1 + 1e-14;
    }
    if (kDefect == leaks_in_layers && !is_of_core)
      kept = ::operator new(64);  // and nothing deletes it
    const bool skips = kDefect == skips_the_last && !is_of_core && !is_update;
    kernel->entry(own.data(), 0, skips ? items - 1 : items);
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
  type.build_kernel = build_kernel;
  type.release_kernel = release_kernel;
  type.launch = launch;
  return type;
}

constexpr dlr_device_type kGallery = make_type();

}  // namespace

DLR_PLUGIN("org.example.gallery.device", "1.0.0", "",
           DLR_PROVIDE("dlrun.device/1", "gallery", "kernels with one mistake", kGallery));
