// plugins.lock: which plugins a project uses, by id, version and content.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/registry/manifest.hpp"

namespace dlrun::registry {

struct LockedPlugin {
  std::string id;
  std::string version;
  std::string sha256;
};

struct LockFile {
  std::filesystem::path path;
  std::vector<LockedPlugin> plugins;

  // NULL when it isn't listed.
  const LockedPlugin* find(const std::string& id) const;
  // "" when the plugin is the one that is listed, or how it differs.
  std::string check(const Manifest& manifest) const;
};

// Where the lock file of a configuration is or would be: beside it, or in the current folder.
std::filesystem::path lock_path(const std::filesystem::path& config_file);
// Nothing when there is no such file. Throws base::Error at the place of what is wrong.
std::optional<LockFile> read_lock(const std::filesystem::path& path);
void write_lock(const LockFile& lock);

}  // namespace dlrun::registry
