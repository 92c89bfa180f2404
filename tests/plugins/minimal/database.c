/* KEPT: up to 4 short entries that live as long as the process, in the order in which they were
 * put. */
#include "minimal.h"

#define MOST_ENTRIES 4
#define MOST_BYTES 16

static struct entry {
  char key[MOST_BYTES];
  char value[MOST_BYTES];
  uint64_t key_length;
  uint64_t value_length;
} entries[MOST_ENTRIES];
static uint64_t n_entries;
static uint64_t cursor;

static dlr_error* open_database(dlr_string path, uint8_t create, void** self) {
  (void)path;
  if (create) n_entries = 0;
  cursor = 0;
  *self = entries;
  return NULL;
}
static dlr_error* count(void* self, uint64_t* out) {
  (void)self;
  *out = n_entries;
  return NULL;
}
static dlr_error* first(void* self) {
  (void)self;
  cursor = 0;
  return NULL;
}
static dlr_error* next(void* self, dlr_string* key, dlr_string* value, uint8_t* at_end) {
  (void)self;
  *at_end = cursor == n_entries;
  if (*at_end) return NULL;
  key->data = entries[cursor].key;
  key->length = entries[cursor].key_length;
  value->data = entries[cursor].value;
  value->length = entries[cursor].value_length;
  ++cursor;
  return NULL;
}
static dlr_error* put(void* self, dlr_string key, dlr_string value) {
  struct entry* entry = &entries[n_entries++]; /* the test knows the limits */
  (void)self;
  memcpy(entry->key, key.data, key.length);
  memcpy(entry->value, value.data, value.length);
  entry->key_length = key.length;
  entry->value_length = value.length;
  return NULL;
}
static dlr_error* commit(void* self) {
  (void)self;
  return NULL;
}
static void close_database(void* self) {
  (void)self;
}

static struct {
  dlr_database_type type;
  uint64_t more[MORE];
} the;

static const dlr_plugin* describe_all(void) {
  blank(&the, sizeof the);
  the.type.size = size_of(sizeof the.type, sizeof the.type);
  the.type.open = open_database;
  the.type.count = count;
  the.type.first = first;
  the.type.next = next;
  the.type.put = put;
  the.type.commit = commit;
  the.type.close = close_database;
  return describe_plugin("org.example.minimal-database", "dlrun.database/1", "KEPT", &the.type,
                         NULL);
}
