#include "core/registry/kinds.hpp"

#include <dlrun/abi.h>
#include <fmt/format.h>

#include <cstddef>
#include <cstring>

namespace dlrun::registry {
namespace {

// A function that an interface requires. Its offset also gives the least size of the struct.
struct RequiredFunction {
  const char* name;
  std::size_t offset;
};

struct Interface {
  const char* kind;
  const char* id;
  std::vector<RequiredFunction> required;
};

// offsetof is a macro, and the field's name is part of the message: so is this.
#define REQUIRED(type, field)     \
  RequiredFunction {              \
#field, offsetof(type, field) \
  }

const std::vector<Interface>& interfaces() {
  static const std::vector<Interface> table = {
      {"layer",
       "dlrun.layer/1",
       {REQUIRED(dlr_layer_type, create), REQUIRED(dlr_layer_type, setup),
        REQUIRED(dlr_layer_type, reshape), REQUIRED(dlr_layer_type, forward),
        REQUIRED(dlr_layer_type, destroy)}},
      {"source",
       "dlrun.source/1",
       {REQUIRED(dlr_source_type, create), REQUIRED(dlr_source_type, describe),
        REQUIRED(dlr_source_type, read), REQUIRED(dlr_source_type, transforms_top),
        REQUIRED(dlr_source_type, destroy)}},
      {"transform",
       "dlrun.transform/1",
       {REQUIRED(dlr_transform_type, create), REQUIRED(dlr_transform_type, shape),
        REQUIRED(dlr_transform_type, apply), REQUIRED(dlr_transform_type, destroy)}},
      {"database",
       "dlrun.database/1",
       {REQUIRED(dlr_database_type, open), REQUIRED(dlr_database_type, count),
        REQUIRED(dlr_database_type, first), REQUIRED(dlr_database_type, next),
        REQUIRED(dlr_database_type, put), REQUIRED(dlr_database_type, commit),
        REQUIRED(dlr_database_type, close)}},
      {"filler", "dlrun.filler/1", {REQUIRED(dlr_filler_type, fill)}},
      {"solver",
       "dlrun.solver/1",
       {REQUIRED(dlr_solver_type, create), REQUIRED(dlr_solver_type, n_history),
        REQUIRED(dlr_solver_type, update), REQUIRED(dlr_solver_type, destroy)}},
      {"schedule",
       "dlrun.schedule/1",
       {REQUIRED(dlr_schedule_type, create), REQUIRED(dlr_schedule_type, rate),
        REQUIRED(dlr_schedule_type, destroy)}},
      {"device",
       "dlrun.device/1",
       {REQUIRED(dlr_device_type, count), REQUIRED(dlr_device_type, open),
        REQUIRED(dlr_device_type, close), REQUIRED(dlr_device_type, info),
        REQUIRED(dlr_device_type, allocate), REQUIRED(dlr_device_type, release),
        REQUIRED(dlr_device_type, copy), REQUIRED(dlr_device_type, zero),
        REQUIRED(dlr_device_type, create_stream), REQUIRED(dlr_device_type, destroy_stream),
        REQUIRED(dlr_device_type, synchronize)}},
  };
  return table;
}

#undef REQUIRED

bool is_null(const void* type, std::size_t offset) {
  std::uintptr_t address = 0;
  std::memcpy(&address, static_cast<const char*>(type) + offset, sizeof address);
  return address == 0;
}

}  // namespace

std::string kind_of(std::string_view interface_id) {
  constexpr std::string_view kOurs = "dlrun.";
  if (interface_id.starts_with(kOurs)) interface_id.remove_prefix(kOurs.size());
  return std::string(interface_id.substr(0, interface_id.rfind('/')));
}

std::string_view interface_of(std::string_view kind) {
  for (const Interface& interface : interfaces()) {
    if (kind == interface.kind) return interface.id;
  }
  return {};
}

std::vector<std::string> known_kinds() {
  std::vector<std::string> kinds;
  for (const Interface& interface : interfaces())
    kinds.emplace_back(interface.kind);
  return kinds;
}

std::string check_type(std::string_view interface_id, const void* type) {
  if (type == nullptr) return "has no type struct";
  for (const Interface& interface : interfaces()) {
    if (interface_id != interface.id) continue;
    std::uint64_t size = 0;  // only our own interfaces are known to begin with it
    std::memcpy(&size, type, sizeof size);
    for (const RequiredFunction& function : interface.required) {
      if (function.offset + sizeof(void*) > size) {
        return fmt::format("has a type struct of {} bytes, too short for the function '{}'", size,
                           function.name);
      }
      if (is_null(type, function.offset)) {
        return fmt::format("lacks the function '{}', which {} requires", function.name,
                           interface_id);
      }
    }
  }
  return {};
}

}  // namespace dlrun::registry
