/* box: a device of level 0, memory and copies alone. Its handles are addresses, in a space of its
 * own. */
#include <stdlib.h>

#include "minimal.h"

#define SPACE 77u
#ifndef PLUGIN_ID
#define PLUGIN_ID "org.example.minimal-device"
#endif

static dlr_error* count(uint64_t* n, dlr_string* reason) {
  *n = 1;
  reason->data = "";
  reason->length = 0;
  return NULL;
}
static dlr_error* open_device(uint64_t index, const dlr_device_options* options, dlr_device** out) {
  (void)index;
  (void)options;
  *out = NULL; /* it keeps nothing */
  return NULL;
}
static void close_device(dlr_device* device) {
  (void)device;
}
static dlr_error* info(dlr_device* device, dlr_device_info* out) {
  (void)device;
  out->name = text("a box");
  out->driver = text("1.0");
  out->memory_bytes = 1u << 20;
  out->alignment = 16;
  return NULL;
}

static void* at(dlr_mem mem) {
  return (char*)(uintptr_t)mem.handle + mem.offset;
}
static dlr_error* allocate(dlr_device* device, uint64_t bytes, dlr_mem* out) {
  (void)device;
  out->space = SPACE;
  out->handle = (uintptr_t)malloc(bytes);
  out->offset = 0;
  out->bytes = bytes;
  return NULL;
}
static void release(dlr_device* device, dlr_mem mem) {
  (void)device;
  free((void*)(uintptr_t)mem.handle);
}
static dlr_error* copy(dlr_device* device, dlr_stream* stream, dlr_mem to, dlr_mem from,
                       uint64_t bytes) {
  (void)device;
  (void)stream;
  memcpy(at(to), at(from), bytes);
  return NULL;
}
static dlr_error* zero(dlr_device* device, dlr_stream* stream, dlr_mem mem, uint64_t bytes) {
  (void)device;
  (void)stream;
  memset(at(mem), 0, bytes);
  return NULL;
}

static dlr_error* create_stream(dlr_device* device, dlr_stream** out) {
  (void)device;
  *out = NULL;
  return NULL;
}
static void destroy_stream(dlr_device* device, dlr_stream* stream) {
  (void)device;
  (void)stream;
}
static dlr_error* synchronize(dlr_device* device, dlr_stream* stream) {
  (void)device;
  (void)stream;
  return NULL;
}

static struct {
  dlr_device_type type;
  uint64_t more[MORE];
} the;

static const dlr_plugin* describe_all(void) {
  blank(&the, sizeof the);
#if !defined(OLDER)
  memset(&the.type, 0, sizeof the.type); /* all that is optional is there, and NULL */
#endif
  the.type.size = size_of(sizeof the.type, offsetof(dlr_device_type, record));
  the.type.score = -1;
  the.type.is_host = 0;
  the.type.count = count;
  the.type.open = open_device;
  the.type.close = close_device;
  the.type.info = info;
  the.type.allocate = allocate;
  the.type.release = release;
  the.type.copy = copy;
  the.type.zero = zero;
  the.type.create_stream = create_stream;
  the.type.destroy_stream = destroy_stream;
  the.type.synchronize = synchronize;
  return describe_plugin(PLUGIN_ID, "dlrun.device/1", "box", &the.type, NULL);
}
