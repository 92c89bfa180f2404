// A device with one mistake, chosen by -DDEFECT=NAME; with `none` it is right.
//
// Memory of its own, reached by copies alone; streams whose work is done when somebody waits for
// it; gemm, relu_forward and the inner product, whose y lies in rows of four with zeros behind.
#include "device.hpp"

#include <dlrun/plugin.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

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

// Streams: work waits in them until somebody asks.

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

}  // namespace

namespace gallery {

float* floats(dlr_device* device, const dlr_mem& mem) {
  return reinterpret_cast<float*>(at(device, mem));
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

}  // namespace gallery

namespace {

using gallery::issue;

dlr_error* create_stream(dlr_device* device, dlr_stream** out) {
  return guard([&] { device->streams.push_back(*out = new dlr_stream); });
}
void destroy_stream(dlr_device* device, dlr_stream* stream) {
  finish(device);
  device->streams.erase(std::find(device->streams.begin(), device->streams.end(), stream));
  delete stream;
}
dlr_error* synchronize(dlr_device* device, dlr_stream* stream) {
  if (kDefect == hangs)
    for (volatile bool forever = true; forever;) {
    }
  if (kDefect == waits_for_one_stream && stream == nullptr && !device->streams.empty())
    return guard([&] { advance(device->streams.front()); });
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
  if (kDefect == waits_for_the_new_mark)
    return guard([&] { stream->work.push_back([event] { return *event->reached; }); });
  return guard([&] { stream->work.push_back([reached = event->reached] { return *reached; }); });
}
void destroy_event(dlr_device*, dlr_event* event) {
  delete event;
}

// The device and its memory.

dlr_error* count(uint64_t* n, dlr_string* reason) {
  *n = 1;
  *reason = {};
  return nullptr;
}
dlr_error* open(uint64_t index, const dlr_device_options*, dlr_device** out) {
  return guard([&] {
    if (index > 0 && kDefect != opens_anything) throw dlrun::Error("there is one device");
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
    if (bytes > uint64_t{1} << 30)
      throw dlrun::Error("more than there is",
                         kDefect == out_of_memory_unsaid ? DLR_DEVICE_ERROR : DLR_OUT_OF_MEMORY);
    const bool is_small = kDefect == overlaps && bytes < 4;  // those lie in one
    const uint64_t handle = is_small ? 0 : device->next_handle++;
    memory_of(device)[handle].resize(is_small ? 4 : bytes);
    *out = {reinterpret_cast<uintptr_t>(device), handle, 0, bytes};
  });
}
void release(dlr_device* device, dlr_mem mem) {
  finish(device);
  if (kDefect == spoils_youngest) memory_of(device).rbegin()->second[0] ^= 1;
  if (kDefect != leaks) memory_of(device).erase(mem.handle);
}
// An engine for copies may take addresses of whole words only.
dlr_mem of_whole_words(dlr_mem mem) {
  if (kDefect == drops_bits_of_offsets && mem.space != DLR_SPACE_HOST) mem.offset &= ~uint64_t{3};
  if (kDefect == drops_bits_of_addresses && mem.space == DLR_SPACE_HOST) mem.handle &= ~uint64_t{3};
  return mem;
}
void move_bytes(dlr_device* device, dlr_mem to, dlr_mem from, uint64_t bytes) {
  constexpr uint64_t kBuffer = uint64_t{1} << 20;
  char* target = at(device, of_whole_words(to));
  const char* source = at(device, of_whole_words(from));
  for (uint64_t done = 0; done < bytes; done += kBuffer) {
    const uint64_t begin = kDefect == copies_within_one_buffer ? 0 : done;
    std::memcpy(target + begin, source + done, std::min(kBuffer, bytes - done));
  }
}
dlr_error* copy(dlr_device* device, dlr_stream* stream, dlr_mem to, dlr_mem from, uint64_t bytes) {
  const bool within = to.space != DLR_SPACE_HOST && from.space != DLR_SPACE_HOST;
  if (kDefect == copies_backwards && within) std::swap(to, from);
  if (kDefect == copies_beyond) bytes = std::min({bytes, to.bytes, from.bytes});
  return guard([&] {
    dlrun::require_room(to, bytes);
    dlrun::require_room(from, bytes);
    dlrun::check(issue(device, stream, [=] { move_bytes(device, to, from, bytes); }));
  });
}
dlr_error* zero(dlr_device* device, dlr_stream* stream, dlr_mem mem, uint64_t bytes) {
  return guard([&] {
    dlrun::require_room(mem, bytes);
    if (kDefect == zeroes_from_start) mem.offset = 0;
    if (kDefect == drops_bits_when_zeroing) mem.offset &= ~uint64_t{3};
    if (kDefect == zeroes_at_once) return void(std::memset(at(device, mem), 0, bytes));
    dlrun::check(issue(device, stream, [=] { std::memset(at(device, mem), 0, bytes); }));
  });
}

dlr_device_type make_type() {
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
  gallery::add_operators(type);
  return type;
}

const dlr_device_type kGallery = make_type();

}  // namespace

DLR_PLUGIN("org.example.gallery.device", "1.0.0", "",
           DLR_PROVIDE("dlrun.device/1", "gallery", "a device with one mistake", kGallery));
