/* Slower: the rate is 0.05 / (1 + iteration). */
#include "minimal.h"

static dlr_error* create(const dlr_params* solver, void** self) {
  (void)solver;
  *self = NULL;
  return NULL;
}
static double rate(void* self, int64_t iteration) {
  (void)self;
  return 0.05 / (double)(1 + iteration);
}

static struct {
  dlr_schedule_type type;
  uint64_t more[MORE];
} the;

static const dlr_plugin* describe_all(void) {
  blank(&the, sizeof the);
  the.type.size = size_of(sizeof the.type, sizeof the.type);
  the.type.create = create;
  the.type.rate = rate;
  the.type.destroy = destroy;
  return describe_plugin("org.example.minimal-schedule", "dlrun.schedule/1", "slower", &the.type,
                         NULL);
}
