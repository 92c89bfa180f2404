/* A plugin that does something awful while it is asked: BEHAVIOUR in the constructor or in the
 * query. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "parts.h"

static void crash(void) {
  raise(SIGSEGV);
}
static void complain_and_abort(void) {
  fputs("first line\nno licence found\n", stderr);
  abort();
}
static void hang(void) {
  for (;;)
    pause();
}
static void leave(void) {
  fputs("goodbye", stdout);
  exit(7);
}
static void none(void) {}

/* Each build uses one of them. */
void (*const behaviours[])(void) = {crash, complain_and_abort, hang, leave, none};

__attribute__((constructor)) static void construct(void) {
  IN_CONSTRUCTOR();
}

ONE_LAYER("Awful");
static const dlr_plugin the_plugin =
    SIMPLE_PLUGIN("org.example.awful", "1.0.0", DLR_ABI_MAJOR, DLR_ABI_MINOR, DLR_ABI_MINOR);

const dlr_plugin* dlrun_plugin_query(uint32_t host_major, uint32_t host_minor, const char** why) {
  (void)host_major;
  (void)host_minor;
  (void)why;
  IN_QUERY();
  return &the_plugin;
}
