#include "core/registry/manifest.hpp"

#include <dlrun/abi.h>
#include <fmt/format.h>

#include "core/registry/kinds.hpp"

namespace dlrun::registry {

const ProvidedType* Manifest::find(std::string_view kind, std::string_view name) const {
  const std::string_view interface_id = interface_of(kind);
  for (const ProvidedType& type : provided) {
    if (type.interface_id == interface_id && type.name == name) return &type;
  }
  return nullptr;
}

std::filesystem::path manifest_path(const std::filesystem::path& library) {
  std::filesystem::path path = library;
  return path.replace_extension(".manifest.yaml");
}

std::string check_abi(std::uint32_t major, std::uint32_t minor_built,
                      std::uint32_t minor_required) {
  if (major != DLR_ABI_MAJOR) {
    return fmt::format(
        "built for plugin interface {}.{}, this dlrun speaks {}.{}; rebuild the plugin", major,
        minor_built, DLR_ABI_MAJOR, DLR_ABI_MINOR);
  }
  if (minor_required > DLR_ABI_MINOR) {
    return fmt::format(
        "needs plugin interface {}.{} or later (it was built for {}.{}), this dlrun speaks {}.{}; "
        "update dlrun or rebuild the plugin",
        major, minor_required, major, minor_built, DLR_ABI_MAJOR, DLR_ABI_MINOR);
  }
  return {};
}

}  // namespace dlrun::registry
