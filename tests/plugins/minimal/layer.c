/* Double: y = 2 x, in float32 on mapped host memory. It has no backward. */
#include "minimal.h"

static dlr_error* create(const dlr_params* params, dlr_context* context, void** self) {
  (void)params;
  (void)context;
  *self = NULL;
  return NULL;
}

/* An older plugin's facts end before the last of today's, and the rest isn't there to be read. */
static dlr_error* setup(void* self, dlr_context* context) {
  struct {
    dlr_layer_facts facts;
    uint64_t more[MORE];
  } own;
  (void)self;
  blank(&own, sizeof own);
#if !defined(OLDER)
  memset(&own.facts, 0, sizeof own.facts);
#else
  memset(&own.facts, 0, offsetof(dlr_layer_facts, per_sample));
#endif
  own.facts.size = size_of(sizeof own.facts, offsetof(dlr_layer_facts, per_sample));
  own.facts.host_only = 1;
  host->context->set_facts(context, &own.facts);
  return NULL;
}

static dlr_error* reshape(void* self, dlr_context* context) {
  const dlr_tensor_desc* bottom = host->context->bottom_desc(context, 0);
  struct {
    dlr_tensor_desc desc;
    uint64_t more[MORE];
  } top;
  (void)self;
  blank(&top, sizeof top);
  top.desc.size = size_of(sizeof top.desc, offsetof(dlr_tensor_desc, layout));
#if defined(TOP_DTYPE)
  top.desc.dtype = TOP_DTYPE;
#else
  top.desc.dtype = bottom->dtype;
#endif
  top.desc.rank = bottom->rank;
  memcpy(top.desc.dim, bottom->dim, sizeof bottom->dim);
#if !defined(OLDER)
  top.desc.layout = DLR_LAYOUT_PLAIN;
#endif
  return host->context->set_top(context, 0, &top.desc);
}

static dlr_error* forward(void* self, dlr_context* context) {
  const dlr_context_api* api = host->context;
  const dlr_tensor_desc* desc = api->bottom_desc(context, 0);
  void* x = NULL;
  void* y = NULL;
  int64_t count = 1;
  dlr_error* error = api->map(context, api->bottom(context, 0), DLR_READ, &x);
  (void)self;
  if (error == NULL) error = api->map(context, api->top(context, 0), DLR_WRITE, &y);
  if (error != NULL) return error;
  for (uint32_t axis = 0; axis < desc->rank; ++axis)
    count *= desc->dim[axis];
  for (int64_t i = 0; i < count; ++i)
    ((float*)y)[i] = 2 * ((const float*)x)[i];
  return NULL;
}

static struct {
  dlr_layer_type type;
  uint64_t more[MORE];
} the;

static const dlr_plugin* describe_all(void) {
  blank(&the, sizeof the);
  memset(&the.type, 0, sizeof the.type); /* what is optional stands before `destroy`: it is NULL */
  the.type.size = size_of(sizeof the.type, sizeof the.type);
  the.type.min_bottoms = the.type.max_bottoms = 1;
  the.type.min_tops = the.type.max_tops = 1;
  the.type.create = create;
  the.type.setup = setup;
  the.type.reshape = reshape;
  the.type.forward = forward;
  the.type.destroy = destroy;
  return describe_plugin("org.example.minimal-layer", "dlrun.layer/1", "Double", &the.type,
                         keep_host);
}
