// The two faces of an error: base::Error inside core, dlr_error at the border to plugins.
#pragma once

#include <dlrun/abi.h>

#include <string>
#include <string_view>

#include "core/base/error.hpp"

// What a dlr_error is to the host.
struct dlr_error {
  uint32_t code;
  std::string message;
};

namespace dlrun::host {

inline dlr_string to_abi(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view from_abi(dlr_string text) {
  return {text.data, static_cast<size_t>(text.length)};
}

dlr_error* make_error(uint32_t code, std::string_view message);

// What a plugin refused, on its way through the host: it may come to a plugin again, by the same
// code.
class PluginError : public base::Error {
 public:
  PluginError(uint32_t code, const std::string& message)
      : Error(code == DLR_INVALID_ARGUMENT ? base::ExitCode::kWrongInput
                                           : base::ExitCode::kWorkFailed,
              {}, message),
        plugin_code(code) {}
  uint32_t plugin_code;
};

// Frees the error and throws it as PluginError, with `subject` ("layer 'conv1': ") before its
// message unless that already begins with a place in a file. Does nothing for NULL.
void check(dlr_error* error, std::string_view subject = {});

// Runs `body` and turns what it throws into a dlr_error: every function that plugins call goes
// through this.
template <class Body>
dlr_error* guard(Body&& body) noexcept;

// For guard: the exception in flight as a dlr_error.
dlr_error* error_in_flight() noexcept;

template <class Body>
dlr_error* guard(Body&& body) noexcept {
  try {
    body();
    return nullptr;
  } catch (...) {
    return error_in_flight();
  }
}

}  // namespace dlrun::host
