#include "core/host/openmp.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>

#include "core/base/error.hpp"

namespace dlrun::host {
namespace {

// How often a waiting thread looks before it sleeps: some 15 microseconds. libgomp's own 300,000 (5
// ms) hold the core that the awaited thread needs, when another process is busy on the machine;
// sleeping at once costs more when it isn't. docs/performance.md has the figures.
constexpr const char* kSpins = "1000";

template <class Function>
void find(void* library, const char* name, Function& out) {
  out = reinterpret_cast<Function>(dlsym(library, name));
  if (out == nullptr) base::fail_work(fmt::format("libgomp.so.1 has no function {}", name));
}

OpenMp load() {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) setenv("GOMP_SPINCOUNT", kSpins, 0);
  void* library = dlopen("libgomp.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    base::fail_work(fmt::format("OpenMP's runtime is missing: {}", dlerror()));
  OpenMp openmp{};
  find(library, "GOMP_parallel", openmp.parallel);
  find(library, "omp_get_max_threads", openmp.max_threads);
  find(library, "omp_set_num_threads", openmp.set_threads);
  find(library, "omp_get_num_threads", openmp.team_size);
  find(library, "omp_get_thread_num", openmp.member);
  find(library, "omp_in_parallel", openmp.in_parallel);
  return openmp;
}

}  // namespace

const OpenMp& openmp() {
  static const OpenMp kLoaded = load();
  return kLoaded;
}

}  // namespace dlrun::host
