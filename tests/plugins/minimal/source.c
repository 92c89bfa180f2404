/* Steps: 8 samples in batches of 4; sample i is x = {0.1 i, 0.2, -0.3}, target = 1. */
#include "minimal.h"

#define LENGTH 8

static float x[3];
static float target = 1;

static dlr_error* create(const dlr_params* params, uint32_t n_tops, dlr_random_key key,
                         void** self) {
  (void)params;
  (void)n_tops;
  (void)key;
  *self = NULL;
  return NULL;
}
static dlr_error* describe(void* self, dlr_source_info* out) {
  (void)self;
  out->batch_size = 4;
  out->length = LENGTH;
  return NULL;
}
static dlr_array array_of(float* data, int64_t count) {
  dlr_array array;
  memset(&array, 0, sizeof array);
  array.data = data;
  array.bytes = (uint64_t)count * sizeof(float);
  array.dtype = DLR_F32;
  array.rank = 1;
  array.dim[0] = count;
  return array;
}
static dlr_error* read_sample(void* self, uint64_t position, dlr_item* out) {
  (void)self;
  x[0] = 0.1f * (float)(position % LENGTH);
  x[1] = 0.2f;
  x[2] = -0.3f;
  out->arrays[0] = array_of(x, 3);
  out->arrays[1] = array_of(&target, 1);
  return NULL;
}
static uint8_t transforms_top(void* self, uint32_t top) {
  (void)self;
  return top == 0;
}

static struct {
  dlr_source_type type;
  uint64_t more[MORE];
} the;

static const dlr_plugin* describe_all(void) {
  blank(&the, sizeof the);
  the.type.size = size_of(sizeof the.type, sizeof the.type);
  the.type.min_tops = the.type.max_tops = 2;
  the.type.create = create;
  the.type.describe = describe;
  the.type.read = read_sample;
  the.type.transforms_top = transforms_top;
  the.type.destroy = destroy;
  return describe_plugin("org.example.minimal-source", "dlrun.source/1", "Steps", &the.type, NULL);
}
