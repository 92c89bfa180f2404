// plugin.hpp: the entry of a plugin.
//
//   DLR_PLUGIN("com.example.swish", "1.0.0", swish_proto,
//              DLR_PROVIDE("dlrun.layer/1", "Swish", "x * sigmoid(beta x)", kSwish));
#pragma once

#include <dlrun/error.hpp>

#include <utility>

namespace dlrun {

template <std::size_t N>
constexpr dlr_string literal(const char (&text)[N]) {
  return {text, N - 1};
}

namespace detail {

inline dlr_error* init(const dlr_host* host, dlr_string) {
  detail::host = host;
  return nullptr;
}

constexpr dlr_plugin plugin(dlr_string id, dlr_string version, const dlr_schema* const* schemas, uint64_t n_schemas,
                            const dlr_provided* const* provided, uint64_t n_provided,
                            const void* (*get_interface)(dlr_string)) {
  return {sizeof(dlr_plugin),
          DLR_ABI_MAJOR,
          DLR_ABI_MINOR,
          DLR_TARGET_MINOR,
          0,
          id,
          version,
          {"", 0},
          schemas,
          n_schemas,
          provided,
          n_provided,
          init,
          nullptr,
          get_interface};
}

// What a host of another major is told.
inline const dlr_plugin* answer(const dlr_plugin& plugin, uint32_t host_major, const char** why) {
  if (host_major == DLR_ABI_MAJOR) return &plugin;
  *why = "built for another major version of the plugin interface; rebuild the plugin";
  return nullptr;
}

}  // namespace detail
}  // namespace dlrun

// One entry of DLR_PLUGIN's list.
#define DLR_PROVIDE(interface_id, name, summary, type)                                                               \
  dlr_provided {                                                                                                     \
    sizeof(dlr_provided), ::dlrun::literal(interface_id), ::dlrun::literal(name), ::dlrun::literal(summary), &(type) \
  }

// Defines dlrun_plugin_query. `schema` is a string literal or constant char array with the .proto
// text ("" for none).
#define DLR_PLUGIN(id, version, schema, ...) DLR_PLUGIN_WITH(id, version, schema, nullptr, __VA_ARGS__)

// The same with dlr_plugin.get_interface: optional interfaces beyond what it provides, by id.
#define DLR_PLUGIN_WITH(id, version, schema, get_interface, ...)                                                   \
  namespace {                                                                                                      \
  const dlr_schema dlr_the_schema = {sizeof(dlr_schema), ::dlrun::literal(id ".proto"), ::dlrun::literal(schema)}; \
  const dlr_schema* const dlr_the_schemas[] = {&dlr_the_schema};                                                   \
  const dlr_provided dlr_the_provided[] = {__VA_ARGS__};                                                           \
  template <std::size_t... I>                                                                                      \
  const dlr_provided* const* dlr_pointers(std::index_sequence<I...>) {                                             \
    static const dlr_provided* const pointers[] = {&dlr_the_provided[I]...};                                       \
    return pointers;                                                                                               \
  }                                                                                                                \
  }                                                                                                                \
  extern "C" DLR_EXPORT const dlr_plugin* dlrun_plugin_query(uint32_t host_major, uint32_t, const char** why) {    \
    constexpr std::size_t n = sizeof(dlr_the_provided) / sizeof(dlr_provided);                                     \
    static const dlr_plugin plugin = ::dlrun::detail::plugin(                                                      \
        ::dlrun::literal(id), ::dlrun::literal(version), dlr_the_schemas, sizeof(schema) > 1 ? 1 : 0,              \
        dlr_pointers(std::make_index_sequence<n>()), n, get_interface);                                            \
    return ::dlrun::detail::answer(plugin, host_major, why);                                                       \
  }                                                                                                                \
  static_assert(true, "a semicolon ends the entry")
