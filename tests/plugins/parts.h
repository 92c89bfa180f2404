/* What the small plugins of the registry's tests are made of. Plain C, and nothing of ours but
 * abi.h. */
#ifndef PARTS_H_
#define PARTS_H_

#include <dlrun/abi.h>
#include <stddef.h>

#define TEXT(literal) \
  { literal, sizeof(literal) - 1 }

/* What a plugin counts, for tests to ask by get_interface. */
struct calls {
  int inits;
  int shutdowns;
  int order; /* of the last shutdown among all plugins that share a counter */
};

static dlr_error* layer_create(const dlr_params* params, dlr_context* context, void** self) {
  (void)params;
  (void)context;
  *self = NULL;
  return NULL;
}
static dlr_error* layer_step(void* self, dlr_context* context) {
  (void)self;
  (void)context;
  return NULL;
}
static void layer_destroy(void* self) {
  (void)self;
}

static const dlr_layer_type the_layer = {
    sizeof(dlr_layer_type), 1,          1,          1,          DLR_UNBOUNDED, NULL, 0,
    layer_create,           layer_step, layer_step, layer_step, NULL,          NULL, NULL,
    layer_destroy};

/* The parts of a plugin that provides one layer. */
#define ONE_LAYER(layer_name)                                                               \
  static const dlr_provided the_provided = {sizeof(dlr_provided), TEXT("dlrun.layer/1"),    \
                                            TEXT(layer_name), TEXT("a layer of the tests"), \
                                            &the_layer};                                    \
  static const dlr_provided* const all_provided[] = {&the_provided}

/* A plugin of ONE_LAYER without anything else. */
#define SIMPLE_PLUGIN(plugin_id, plugin_version, major, built, required)                  \
  {                                                                                       \
    sizeof(dlr_plugin), major, built, required, 0, TEXT(plugin_id), TEXT(plugin_version), \
        TEXT(""), NULL, 0, all_provided, 1, NULL, NULL, NULL                              \
  }

#endif
