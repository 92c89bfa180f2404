/* A plugin whose description is wrong in one place, which the build chooses. */
#include "parts.h"

#if defined(BAD_SCHEMA)
static const dlr_schema the_schema = {
    sizeof(dlr_schema), TEXT("wrong.proto"),
    TEXT("message WrongParameter {\n  optional flot beta = 1;\n}\n")};
static const dlr_schema* const all_schemas[] = {&the_schema};
#define SCHEMAS all_schemas, 1
#else
#define SCHEMAS NULL, 0
#endif

#if defined(NO_CREATE)
static const dlr_layer_type a_layer = {sizeof(dlr_layer_type),
                                       1,
                                       1,
                                       1,
                                       1,
                                       NULL,
                                       0,
                                       NULL,
                                       layer_step,
                                       layer_step,
                                       layer_step,
                                       NULL,
                                       NULL,
                                       NULL,
                                       layer_destroy};
#elif defined(SHORT_LAYER)
static const dlr_layer_type a_layer = {
    32,         1,          1,    1,    1,    NULL,         0, layer_create, layer_step,
    layer_step, layer_step, NULL, NULL, NULL, layer_destroy};
#else
#define a_layer the_layer
#endif

static const dlr_provided the_provided = {sizeof(dlr_provided), TEXT("dlrun.layer/1"),
                                          TEXT("Wrong"), TEXT("is wrong"), &a_layer};
static const dlr_provided* const all_provided[] = {&the_provided};

#if defined(BAD_ID)
#define ID "no blanks please"
#else
#define ID "org.example.wrong"
#endif

#if defined(NEEDS_CPU)
#define CPU "quantum"
#else
#define CPU ""
#endif

#if defined(INIT_FAILS)
static dlr_error* init(const dlr_host* host, dlr_string folder) {
  static const dlr_string message = TEXT("no licence for this machine");
  (void)folder;
  return host->error(DLR_IO_ERROR, message);
}
#define INIT init
#else
#define INIT NULL
#endif

#if defined(SHORT_PLUGIN)
#define PLUGIN_SIZE 48
#else
#define PLUGIN_SIZE sizeof(dlr_plugin)
#endif

static const dlr_plugin the_plugin = {
    PLUGIN_SIZE, DLR_ABI_MAJOR, DLR_ABI_MINOR, DLR_ABI_MINOR, 0,
    TEXT(ID),    TEXT("1.0.0"), TEXT(CPU),     SCHEMAS,       all_provided,
    1,           INIT,          NULL,          NULL};

const dlr_plugin* dlrun_plugin_query(uint32_t host_major, uint32_t host_minor, const char** why) {
  (void)host_major;
  (void)host_minor;
  (void)why;
  (void)the_layer;
  return &the_plugin;
}
