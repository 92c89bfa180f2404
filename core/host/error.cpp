#include "core/host/error.hpp"

#include <atomic>
#include <exception>
#include <memory>
#include <new>

namespace dlrun::host {

namespace {

dlr_error* no_memory() {
  return new dlr_error{DLR_OUT_OF_MEMORY, "out of memory"};
}

// What is said when there is no memory left to say it.
std::atomic<dlr_error*> spare = no_memory();

}  // namespace

dlr_error* make_error(uint32_t code, std::string_view message) {
  try {
    if (spare.load(std::memory_order_relaxed) == nullptr) delete spare.exchange(no_memory());
    return new dlr_error{code, std::string(message)};
  } catch (const std::bad_alloc&) {
    dlr_error* const kept = spare.exchange(nullptr);
    if (kept == nullptr) throw;
    return kept;
  }
}

void check(dlr_error* error, std::string_view subject) {
  if (error == nullptr) return;
  const std::unique_ptr<dlr_error> owned(error);
  // A located error ("net.yaml:3:5: ...") names its subject already.
  const bool located = owned->message.find(std::string(subject)) != std::string::npos;
  const std::string message = located ? owned->message : std::string(subject) + owned->message;
  throw PluginError(owned->code, message);
}

dlr_error* error_in_flight() noexcept {
  try {
    throw;
  } catch (const PluginError& error) {
    return make_error(error.plugin_code, error.what());
  } catch (const base::Error& error) {
    const bool input = error.code() == base::ExitCode::kWrongInput;
    return make_error(input ? DLR_INVALID_ARGUMENT : DLR_IO_ERROR, error.what());
  } catch (const std::bad_alloc&) {
    return make_error(DLR_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return make_error(DLR_INTERNAL_ERROR, error.what());
  } catch (...) {
    return make_error(DLR_INTERNAL_ERROR, "unknown exception");
  }
}

}  // namespace dlrun::host
