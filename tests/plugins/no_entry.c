/* A library that is no plugin: it has no dlrun_plugin_query. */
int no_entry_answer(void);
int no_entry_answer(void) {
  return 42;
}
