#include "core/registry/plugin_catalogue.hpp"

namespace dlrun::registry {

bool PluginCatalogue::has(const std::string& kind, const std::string& name) {
  return registry_->has(kind, name);
}

net::Provided PluginCatalogue::load(const std::string& kind, const std::string& name,
                                    const base::Location& where, const std::string& subject) {
  const auto manifest = registry_->resolve(kind, name, where, subject);
  try {
    const auto plugin = loader_->load(manifest);
    return {plugin->untyped(kind, short_name(name)), manifest->file.string(), &plugin->entry()};
  } catch (const base::Error& error) {
    throw base::Error(error.code(), where, subject + error.what());
  }
}

std::vector<std::string> PluginCatalogue::names(const std::string& kind) {
  return registry_->names(kind);
}

std::string PluginCatalogue::suspects(const std::string& kind, const std::string& name) {
  return registry_->describe_suspects(kind, name);
}

}  // namespace dlrun::registry
