/* One layer; its name, the plugin's id, version and interface numbers come from the build. */
#include "parts.h"

ONE_LAYER(LAYER_NAME);

static const dlr_plugin the_plugin =
    SIMPLE_PLUGIN(PLUGIN_ID, PLUGIN_VERSION, ABI_MAJOR, ABI_BUILT, ABI_REQUIRED);

const dlr_plugin* dlrun_plugin_query(uint32_t host_major, uint32_t host_minor, const char** why) {
  (void)host_minor;
  *why = "it serves another major version only";
#ifdef DECLINES
  return host_major == ABI_MAJOR ? &the_plugin : NULL;
#else
  (void)host_major;
  return &the_plugin;
#endif
}
