// GNU's OpenMP runtime, the one that BLAS and oneDNN use too, loaded when first needed: it reads
// its settings from the environment while it is being loaded, and its default suits no shared
// machine.
#pragma once

namespace dlrun::host {

struct OpenMp {
  void (*parallel)(void (*fn)(void*), void* data, unsigned n_threads, unsigned flags);
  int (*max_threads)();
  void (*set_threads)(int);
  int (*team_size)();
  int (*member)();  // of the calling thread in its team
  int (*in_parallel)();
};

// The first call loads it: before any library that needs it is opened.
const OpenMp& openmp();

}  // namespace dlrun::host
