#include "core/host/host_table.hpp"

#include <spdlog/spdlog.h>

#include "core/host/error.hpp"
#include "core/host/openmp.hpp"
#include "core/host/params.hpp"
#include "core/host/threads.hpp"
#include "core/net/layer_node.hpp"

namespace dlrun::host {
namespace {

dlr_error* error(uint32_t code, dlr_string message) {
  return make_error(code, from_abi(message));
}
uint32_t error_code(const dlr_error* error) {
  return error->code;
}
dlr_string error_message(const dlr_error* error) {
  return to_abi(error->message);
}
void error_free(dlr_error* error) {
  delete error;
}

void log(uint32_t level, dlr_string message) {
  const auto severity = level == DLR_LOG_WARNING ? spdlog::level::warn
                        : level == DLR_LOG_INFO  ? spdlog::level::info
                                                 : spdlog::level::debug;
  spdlog::log(severity, "{}", from_abi(message));
}

const void* get_interface(dlr_string id) {
  const std::string_view name = from_abi(id);
  if (name == "dlrun.params/1") return params_api();
  if (name == "dlrun.context/1") return net::context_api();
  if (name == "dlrun.data/1") return data_api();
  return nullptr;
}

}  // namespace

const dlr_host* host_table() {
  openmp();  // before a plugin opens a library that would load it with other settings
  static const dlr_host kHost = {sizeof(dlr_host), DLR_ABI_MAJOR, DLR_ABI_MINOR, error,
                                 error_code,       error_message, error_free,    log,
                                 parallel_for,     get_interface, params_api(),  net::context_api(),
                                 data_api()};
  return &kHost;
}

}  // namespace dlrun::host
