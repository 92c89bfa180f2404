// What nets and training ask for, answered by a registry and a loader.
#pragma once

#include <string>
#include <vector>

#include "core/net/catalogue.hpp"
#include "core/registry/loader.hpp"
#include "core/registry/registry.hpp"

namespace dlrun::registry {

class PluginCatalogue : public net::Catalogue {
 public:
  // Both must outlive it.
  PluginCatalogue(const Registry& registry, Loader& loader)
      : registry_(&registry), loader_(&loader) {}

  bool has(const std::string& kind, const std::string& name) override;
  net::Provided load(const std::string& kind, const std::string& name, const base::Location& where,
                     const std::string& subject) override;
  std::vector<std::string> names(const std::string& kind) override;
  std::string suspects(const std::string& kind, const std::string& name) override;

 private:
  const Registry* registry_;
  Loader* loader_;
};

}  // namespace dlrun::registry
