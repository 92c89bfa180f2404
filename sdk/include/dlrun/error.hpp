// error.hpp: errors as exceptions inside a plugin, and as dlr_error* at its border.
#pragma once

#include <dlrun/abi.h>

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dlrun {

namespace detail {
// The host, once init was called. One per library, however that is linked.
__attribute__((visibility("hidden"))) inline const dlr_host* host = nullptr;
}  // namespace detail

inline const dlr_host& host() {
  return *detail::host;
}

inline dlr_string to_abi(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view from_abi(dlr_string text) {
  return {text.data, static_cast<size_t>(text.length)};
}

// What a plugin throws to say that something is wrong; the SDK hands it to the host as a dlr_error.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, uint32_t code = DLR_INVALID_ARGUMENT)
      : std::runtime_error(message), code_(code) {}
  uint32_t code() const { return code_; }

 private:
  uint32_t code_;
};

// An error that the host made: carried through the plugin unchanged.
class HostError : public std::exception {
 public:
  explicit HostError(dlr_error* error) : error_(error), message_(from_abi(host().error_message(error))) {}
  HostError(HostError&& other) noexcept : error_(other.error_), message_(std::move(other.message_)) {
    other.error_ = nullptr;
  }
  HostError(const HostError&) = delete;
  HostError& operator=(const HostError&) = delete;
  HostError& operator=(HostError&&) = delete;
  ~HostError() override {
    if (error_ != nullptr) host().error_free(error_);
  }
  const char* what() const noexcept override { return message_.c_str(); }
  uint32_t code() const { return host().error_code(error_); }
  dlr_error* release() {
    dlr_error* error = error_;
    error_ = nullptr;
    return error;
  }

 private:
  dlr_error* error_;
  std::string message_;
};

// Throws what a host function returned, if it failed.
inline void check(dlr_error* error) {
  if (error != nullptr) throw HostError(error);
}

inline dlr_error* make_error(uint32_t code, std::string_view message) noexcept {
  return host().error(code, to_abi(message));
}

// Runs `body` and turns whatever it throws into a dlr_error: every entry of a plugin goes through
// this.
template <class Body>
dlr_error* guard(Body&& body) noexcept {
  try {
    body();
    return nullptr;
  } catch (HostError& error) {
    return error.release();
  } catch (const Error& error) {
    return make_error(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return make_error(DLR_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return make_error(DLR_INTERNAL_ERROR, error.what());
  } catch (...) {
    return make_error(DLR_INTERNAL_ERROR, "unknown exception");
  }
}

inline void log_info(std::string_view message) {
  host().log(DLR_LOG_INFO, to_abi(message));
}
inline void log_warning(std::string_view message) {
  host().log(DLR_LOG_WARNING, to_abi(message));
}

}  // namespace dlrun
