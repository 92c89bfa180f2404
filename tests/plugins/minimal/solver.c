/* Descend: weight = weight - rate gradient, on mapped host memory. No history. */
#include "minimal.h"

static dlr_error* create(const dlr_params* solver, void** self) {
  (void)solver;
  *self = NULL;
  return NULL;
}
static uint32_t n_history(void* self) {
  (void)self;
  return 0;
}
static dlr_error* update(void* self, const dlr_update* update) {
  const dlr_tensor_desc* desc = host->context->describe(update->param);
  void* weight = NULL;
  void* gradient = NULL;
  int64_t count = 1;
  dlr_error* error = host->context->map(update->context, update->param, DLR_READ_WRITE, &weight);
  (void)self;
  if (error == NULL)
    error = host->context->map(update->context, update->gradient, DLR_READ, &gradient);
  if (error != NULL) return error;
  for (uint32_t axis = 0; axis < desc->rank; ++axis)
    count *= desc->dim[axis];
  for (int64_t i = 0; i < count; ++i)
    ((float*)weight)[i] -= (float)update->rate * ((const float*)gradient)[i];
  return NULL;
}

static struct {
  dlr_solver_type type;
  uint64_t more[MORE];
} the;

static const dlr_plugin* describe_all(void) {
  blank(&the, sizeof the);
  the.type.size = size_of(sizeof the.type, sizeof the.type);
  the.type.kernels = NULL;
  the.type.n_kernels = 0;
  the.type.create = create;
  the.type.n_history = n_history;
  the.type.update = update;
  the.type.destroy = destroy;
  return describe_plugin("org.example.minimal-solver", "dlrun.solver/1", "Descend", &the.type,
                         keep_host);
}
