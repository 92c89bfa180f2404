// The host's threads: parallel loops for plugins and core, and how many threads the calling thread
// may use.
#pragma once

#include <cstdint>

#include <dlrun/abi.h>

namespace dlrun::host {

// While it lives, parallel loops started by this thread (ours, BLAS's and oneDNN's, which all use
// the same OpenMP runtime) use at most `threads` threads; 0 leaves the default, one per core.
class ThreadBudget {
 public:
  explicit ThreadBudget(int threads);
  ~ThreadBudget();
  ThreadBudget(const ThreadBudget&) = delete;
  ThreadBudget& operator=(const ThreadBudget&) = delete;

 private:
  int before_;
};

// The number of threads that a parallel loop of the calling thread uses.
int configured_threads();

// dlr_host.parallel_for.
void parallel_for(int64_t n, int64_t grain, dlr_range_fn fn, void* context);

}  // namespace dlrun::host
