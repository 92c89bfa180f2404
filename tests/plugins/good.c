/* A plugin in order: a layer with a parameter, a filler-like foreign interface, init and shutdown.
 */
#include "parts.h"

#include <string.h>

static const dlr_schema the_schema = {
    sizeof(dlr_schema), TEXT("good.proto"),
    TEXT("message GoodParameter {\n  optional float beta = 1 [default = 1];\n}\n"
         "extend LayerParameter { optional GoodParameter good_param = 7001; }\n")};
static const dlr_schema* const all_schemas[] = {&the_schema};

static const int tracing = 1;
static const dlr_provided the_provided = {sizeof(dlr_provided), TEXT("dlrun.layer/1"), TEXT("Good"),
                                          TEXT("a layer that \"does\" nothing: well"), &the_layer};
static const dlr_provided the_tracing = {sizeof(dlr_provided), TEXT("com.acme.tracing/2"),
                                         TEXT("Trace"), TEXT("of no kind that core calls"),
                                         &tracing};
static const dlr_provided* const all_provided[] = {&the_provided, &the_tracing};

static struct calls the_calls;

static dlr_error* init(const dlr_host* host, dlr_string folder) {
  if (host == NULL || folder.length == 0) return host->error(DLR_INTERNAL_ERROR, folder);
  ++the_calls.inits;
  return NULL;
}
static void shutdown_plugin(void) {
  ++the_calls.shutdowns;
}
static const void* get_interface(dlr_string id) {
  return id.length == 5 && memcmp(id.data, "calls", 5) == 0 ? &the_calls : NULL;
}

static const dlr_plugin the_plugin = {sizeof(dlr_plugin),
                                      DLR_ABI_MAJOR,
                                      DLR_ABI_MINOR,
                                      DLR_ABI_MINOR,
                                      0,
                                      TEXT("org.example.good"),
                                      TEXT("1.2.3"),
                                      TEXT(""),
                                      all_schemas,
                                      1,
                                      all_provided,
                                      2,
                                      init,
                                      shutdown_plugin,
                                      get_interface};

const dlr_plugin* dlrun_plugin_query(uint32_t host_major, uint32_t host_minor, const char** why) {
  (void)host_minor;
  *why = "another major version";
  return host_major == DLR_ABI_MAJOR ? &the_plugin : NULL;
}
