/* The library that needs_library.c needs; needs another one. */
int no_entry_answer(void);
int middle_answer(void);
int middle_answer(void) {
  return no_entry_answer() + 1;
}
