// What nets and training ask of the plugins; the registry answers.
#pragma once

#include <dlrun/abi.h>

#include <string>
#include <vector>

#include "core/base/error.hpp"

namespace dlrun::net {

// A type that a loaded plugin provides.
struct Provided {
  const void* type = nullptr;  // dlr_layer_type, dlr_source_type ... by kind
  std::string plugin_file;
  const dlr_plugin* plugin = nullptr;  // for its optional interfaces
};

class Catalogue {
 public:
  virtual ~Catalogue() = default;
  // Whether some plugin provides it; loads nothing.
  virtual bool has(const std::string& kind, const std::string& name) = 0;
  // Loads the plugin that provides it. Unknown, ambiguous or broken: throws base::Error at `where`,
  // after `subject`.
  virtual Provided load(const std::string& kind, const std::string& name,
                        const base::Location& where, const std::string& subject) = 0;
  virtual std::vector<std::string> names(const std::string& kind) = 0;
  // Of a name that nothing provides: the libraries that may have been meant and can't be used, each
  // with its reason, as whole lines.
  virtual std::string suspects(const std::string& /*kind*/, const std::string& /*name*/) {
    return {};
  }

  template <class T>
  const T& get(const std::string& kind, const std::string& name, const base::Location& where,
               const std::string& subject) {
    return *static_cast<const T*>(load(kind, name, where, subject).type);
  }
};

}  // namespace dlrun::net
