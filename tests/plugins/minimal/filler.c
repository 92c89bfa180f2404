/* quarter: every value is 0.25. */
#include "minimal.h"

static dlr_error* fill(const dlr_params* params, dlr_random_key key, dlr_array* out) {
  (void)params;
  (void)key;
  if (out->dtype == DLR_F64) {
    for (uint64_t i = 0; i < out->bytes / sizeof(double); ++i)
      ((double*)out->data)[i] = 0.25;
  } else {
    for (uint64_t i = 0; i < out->bytes / sizeof(float); ++i)
      ((float*)out->data)[i] = 0.25f;
  }
  return NULL;
}

static struct {
  dlr_filler_type type;
  uint64_t more[MORE];
} the;

static const dlr_plugin* describe_all(void) {
  blank(&the, sizeof the);
  the.type.size = size_of(sizeof the.type, sizeof the.type);
  the.type.fill = fill;
  return describe_plugin("org.example.minimal-filler", "dlrun.filler/1", "quarter", &the.type,
                         NULL);
}
