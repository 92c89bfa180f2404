#include "core/base/error.hpp"

#include <fmt/format.h>

namespace dlrun::base {

std::string to_prefix(const Location& where) {
  if (where.file.empty()) return {};
  if (where.line <= 0) return where.file + ": ";
  return fmt::format("{}:{}:{}: ", where.file, where.line, where.column);
}

Error::Error(ExitCode code, const Location& where, std::string_view message)
    : std::runtime_error(to_prefix(where).append(message)), code_(code), where_(where) {}

void fail_input(const Location& where, std::string_view message) {
  throw Error(ExitCode::kWrongInput, where, message);
}

void fail_input(std::string_view message) {
  fail_input({}, message);
}

void fail_work(const Location& where, std::string_view message) {
  throw Error(ExitCode::kWorkFailed, where, message);
}

void fail_work(std::string_view message) {
  fail_work({}, message);
}

}  // namespace dlrun::base
