#include "core/host/threads.hpp"

#include <omp.h>

#include <algorithm>

// libgomp's own entry, so that builds by any compiler share the runtime that BLAS and oneDNN use.
extern "C" void GOMP_parallel(void (*fn)(void*), void* data, unsigned n_threads, unsigned flags);

namespace dlrun::host {
namespace {

// A loop's chunks, dealt to the threads of a team in turn.
struct Loop {
  int64_t n;
  int64_t chunks;
  dlr_range_fn fn;
  void* context;

  void run(int64_t first, int64_t step) const {
    for (int64_t chunk = first; chunk < chunks; chunk += step) {
      fn(context, n * chunk / chunks, n * (chunk + 1) / chunks);
    }
  }
};

void run_team_member(void* data) {
  static_cast<const Loop*>(data)->run(omp_get_thread_num(), omp_get_num_threads());
}

}  // namespace

ThreadBudget::ThreadBudget(int threads) : before_(omp_get_max_threads()) {
  if (threads > 0) omp_set_num_threads(threads);
}

ThreadBudget::~ThreadBudget() {
  omp_set_num_threads(before_);
}

int configured_threads() {
  return omp_get_max_threads();
}

void parallel_for(int64_t n, int64_t grain, dlr_range_fn fn, void* context) {
  if (n <= 0) return;
  const int64_t most = n / std::max<int64_t>(grain, 1);
  const int64_t chunks = std::clamp<int64_t>(most, 1, omp_get_max_threads());
  Loop loop{n, chunks, fn, context};
  if (chunks == 1 || omp_in_parallel() != 0) return loop.run(0, 1);
  GOMP_parallel(run_team_member, &loop, static_cast<unsigned>(chunks), 0);
}

}  // namespace dlrun::host
