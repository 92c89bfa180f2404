/* plus_one: adds 1 to each value of a float32 sample. It needs a schema for the field that asks for
 * it. */
#include "minimal.h"

static dlr_error* create(const dlr_params* params, uint8_t is_training, void** self) {
  (void)params;
  (void)is_training;
  *self = NULL;
  return NULL;
}
static dlr_error* shape(void* self, const dlr_array* in, dlr_array* out) {
  (void)self;
  *out = *in;
  return NULL;
}
static dlr_error* apply(void* self, const dlr_array* in, dlr_random_key key, uint64_t position,
                        dlr_array* out) {
  (void)self;
  (void)key;
  (void)position;
  for (uint64_t i = 0; i < in->bytes / sizeof(float); ++i)
    ((float*)out->data)[i] = ((const float*)in->data)[i] + 1;
  return NULL;
}

static struct {
  dlr_transform_type type;
  uint64_t more[MORE];
} the;
static struct {
  dlr_schema schema;
  uint64_t more[MORE];
} the_schema;
static const dlr_schema* const schemas[] = {&the_schema.schema};

static const dlr_plugin* describe_all(void) {
  blank(&the_schema, sizeof the_schema);
  the_schema.schema.size = size_of(sizeof the_schema.schema, sizeof the_schema.schema);
  the_schema.schema.file = text("plus_one.proto");
  the_schema.schema.text =
      text("message PlusOne {}\nextend LayerParameter { optional PlusOne plus_one = 20003; }\n");
  blank(&the, sizeof the);
  the.type.size = size_of(sizeof the.type, sizeof the.type);
  the.type.create = create;
  the.type.shape = shape;
  the.type.apply = apply;
  the.type.destroy = destroy;
  describe_plugin("org.example.minimal-transform", "dlrun.transform/1", "plus_one", &the.type,
                  NULL);
  the_plugin.plugin.schemas = schemas;
  the_plugin.plugin.n_schemas = 1;
  return &the_plugin.plugin;
}
