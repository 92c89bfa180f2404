// params.hpp: a plugin's parameters, read by name and type.
#pragma once

#include <dlrun/error.hpp>

#include <string>
#include <type_traits>
#include <vector>

namespace dlrun {

// One message of the configuration. Unset fields give the defaults of the plugin's .proto; an
// unknown name, a wrong type or an index out of range throws.
class Params {
 public:
  explicit Params(const dlr_params* handle) : handle_(handle) {}
  const dlr_params* handle() const { return handle_; }

  bool has(std::string_view field) const { return api().has(handle_, to_abi(field)) != 0; }
  int64_t count(std::string_view field) const { return api().count(handle_, to_abi(field)); }

  // T: bool, an integer, float, double or std::string (strings, and enums by name).
  template <class T>
  T get(std::string_view field, int64_t index = 0) const {
    if constexpr (std::is_same_v<T, std::string>) {
      dlr_string value{};
      check(api().text(handle_, to_abi(field), index, &value));
      return std::string(from_abi(value));
    } else if constexpr (std::is_floating_point_v<T>) {
      double value = 0;
      check(api().number(handle_, to_abi(field), index, &value));
      return static_cast<T>(value);
    } else {
      int64_t value = 0;
      check(api().integer(handle_, to_abi(field), index, &value));
      return static_cast<T>(value);
    }
  }

  template <class T>
  std::vector<T> all(std::string_view field) const {
    std::vector<T> values;
    for (int64_t index = 0; index < count(field); ++index)
      values.push_back(get<T>(field, index));
    return values;
  }

  // A message within the message; all defaults when it isn't set.
  Params message(std::string_view field, int64_t index = 0) const {
    const dlr_params* inner = nullptr;
    check(api().message(handle_, to_abi(field), index, &inner));
    return Params(inner);
  }

  // A path written in the configuration, as it is to be opened.
  std::string path(std::string_view field, int64_t index = 0) const {
    dlr_string value{};
    check(api().path(handle_, to_abi(field), index, &value));
    return std::string(from_abi(value));
  }

  // Throws an error that begins with the place of `field` in the user's file.
  [[noreturn]] void fail(std::string_view field, std::string_view message) const {
    throw HostError(api().error_at(handle_, to_abi(field), DLR_INVALID_ARGUMENT, to_abi(message)));
  }

 private:
  static const dlr_params_api& api() { return *host().params; }
  const dlr_params* handle_;
};

}  // namespace dlrun
