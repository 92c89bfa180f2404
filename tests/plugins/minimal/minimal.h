/* What the smallest plugins are made of, one of each kind: nothing but what the interface requires,
 * in plain C.
 *
 * Each is built three times: as it is; as OLDER, whose structs end where what is optional begins;
 * and as NEWER, whose structs go on behind what this abi.h knows. Behind the end of an older
 * struct, and in what is new, stands rubbish: whoever reads it crashes or computes something else.
 */
#ifndef MINIMAL_H_
#define MINIMAL_H_

#include <dlrun/abi.h>
#include <stddef.h>
#include <string.h>

#define MORE 8 /* fields that a NEWER struct has at its end */

/* Fills a struct with what it has where nobody sets it. */
static void blank(void* memory, size_t bytes) {
#if defined(OLDER) || defined(NEWER)
  memset(memory, 0xAB, bytes);
#else
  memset(memory, 0, bytes);
#endif
}

/* The size that a struct says it has, of `today` bytes in this abi.h, the first `required` being
 * required. */
static uint64_t size_of(uint64_t today, uint64_t required) {
#if defined(OLDER)
  (void)today;
  return required;
#elif defined(NEWER)
  (void)required;
  return today + MORE * sizeof(uint64_t);
#else
  (void)required;
  return today;
#endif
}

static struct {
  dlr_plugin plugin;
  uint64_t more[MORE];
} the_plugin;
static struct {
  dlr_provided provided;
  uint64_t more[MORE];
} the_provided;
static const dlr_provided* const all_provided[] = {&the_provided.provided};

static dlr_string text(const char* data) {
  return (dlr_string){data, strlen(data)};
}

/* A plugin that provides one type; `init` may be NULL. */
static const dlr_plugin* describe_plugin(const char* id, const char* interface_id, const char* name,
                                         const void* type,
                                         dlr_error* (*init)(const dlr_host*, dlr_string)) {
  dlr_plugin* plugin = &the_plugin.plugin;
  dlr_provided* provided = &the_provided.provided;

  blank(&the_provided, sizeof the_provided);
  provided->size = size_of(sizeof *provided, sizeof *provided);
  provided->interface_id = text(interface_id);
  provided->name = text(name);
  provided->summary = text("");
  provided->type = type;

  blank(&the_plugin, sizeof the_plugin);
  plugin->size = size_of(
      sizeof *plugin, init == NULL ? offsetof(dlr_plugin, init) : offsetof(dlr_plugin, shutdown));
  plugin->abi_major = DLR_ABI_MAJOR;
  plugin->abi_minor_built = DLR_ABI_MINOR;
  plugin->abi_minor_required = DLR_ABI_MINOR;
  plugin->reserved = 0;
  plugin->id = text(id);
  plugin->version = text("1.0.0");
  plugin->needs_cpu = text("");
  plugin->schemas = NULL;
  plugin->n_schemas = 0;
  plugin->provided = all_provided;
  plugin->n_provided = 1;
#if !defined(OLDER)
  plugin->init = NULL;
  plugin->shutdown = NULL;
  plugin->get_interface = NULL;
#endif
  if (init != NULL) plugin->init = init;
  return plugin;
}

/* For those that keep nothing. */
static inline void destroy(void* self) {
  (void)self;
}

/* For those that call the host: their init. */
static const dlr_host* host;
static inline dlr_error* keep_host(const dlr_host* given, dlr_string folder) {
  (void)folder;
  host = given;
  return NULL;
}

/* Each plugin's own; ends in describe_plugin. */
static const dlr_plugin* describe_all(void);

const dlr_plugin* dlrun_plugin_query(uint32_t host_major, uint32_t host_minor, const char** why) {
  (void)host_major;
  (void)host_minor;
  (void)why;
  return the_plugin.plugin.size == 0 ? describe_all() : &the_plugin.plugin;
}

#endif
