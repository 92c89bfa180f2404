/* The library that needs_library.c needs; needs another one, unless it is built ALONE. */
int no_entry_answer(void);
int middle_answer(void);

#ifdef ALONE
int no_entry_answer(void) {
  return 42;
}
#endif
int middle_answer(void) {
  return no_entry_answer() + 1;
}
