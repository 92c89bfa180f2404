#include "core/host/threads.hpp"

#include <algorithm>

#include "core/host/openmp.hpp"
#include "core/host/thread_sanitizer.hpp"

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
  order_after(data);
  static_cast<const Loop*>(data)->run(openmp().member(), openmp().team_size());
  order_before(data);
}

}  // namespace

ThreadBudget::ThreadBudget(int threads) : before_(openmp().max_threads()) {
  if (threads > 0) openmp().set_threads(threads);
}

ThreadBudget::~ThreadBudget() {
  openmp().set_threads(before_);
}

int configured_threads() {
  return openmp().max_threads();
}

void parallel_for(int64_t n, int64_t grain, dlr_range_fn fn, void* context) {
  if (n <= 0) return;
  const int64_t most = n / std::max<int64_t>(grain, 1);
  const int64_t chunks = std::clamp<int64_t>(most, 1, openmp().max_threads());
  Loop loop{n, chunks, fn, context};
  if (chunks == 1 || openmp().in_parallel() != 0) return loop.run(0, 1);
  order_before(&loop);
  openmp().parallel(run_team_member, &loop, static_cast<unsigned>(chunks), 0);
  order_after(&loop);
}

}  // namespace dlrun::host
