// The host that device_plugin.hpp declares.
#include "core/host/host_table.hpp"
#include "core/host/openmp.hpp"
#include "core/host/threads.hpp"

namespace device_test {

const dlr_host& core_host() {
  return *dlrun::host::host_table();
}

int configured_threads() {
  return dlrun::host::configured_threads();
}

void set_threads(int threads) {
  dlrun::host::openmp().set_threads(threads);
}

}  // namespace device_test
