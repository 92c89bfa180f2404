/* A plugin that needs a library of its author's, beside it. */
#include "parts.h"

int middle_answer(void);

ONE_LAYER("Needy");
static const dlr_plugin the_plugin =
    SIMPLE_PLUGIN("org.example.needy", "1.0.0", DLR_ABI_MAJOR, DLR_ABI_MINOR, DLR_ABI_MINOR);

const dlr_plugin* dlrun_plugin_query(uint32_t host_major, uint32_t host_minor, const char** why) {
  (void)host_major;
  (void)host_minor;
  (void)why;
  return middle_answer() == 43 ? &the_plugin : NULL;
}
