// Where plugins are looked for.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dlrun::registry {

struct SearchOptions {
  std::vector<std::string> plugins;  // --plugin: files or folders, relative to the current folder
  // --plugin-path or `plugin_path:`: folders that replace every place but those that are named one
  // by one.
  std::vector<std::string> plugin_path;
  std::vector<std::string> config_plugins;  // `plugins:` of the configuration, made absolute
  std::filesystem::path config_file;        // plugins.lock is looked for beside it; may be empty
  bool locked = false;                      // --locked: only what plugins.lock lists may be used

  // The rest has defaults that only tests change.
  std::filesystem::path
      executable;  // empty: this process's; the helper, and what folders are relative to
  std::filesystem::path cache_folder;  // empty: $XDG_CACHE_HOME/dlrun or ~/.cache/dlrun
  bool use_lock = true;
};

// A file or folder where plugins were looked for, in the order of the search.
struct SearchPlace {
  std::filesystem::path path;  // absolute
  std::string origin;          // "--plugin", "DLRUN_PLUGIN_PATH", "the user's folder" ...
  std::string state;  // "12 libraries", "no such folder", "ignored: not an absolute path" ...
  std::vector<std::filesystem::path> libraries;  // sorted by name
};

// All places, those that don't exist included. A --plugin or `plugins:` that doesn't exist throws
// base::Error.
std::vector<SearchPlace> search_places(const SearchOptions& options);

// The running executable.
std::filesystem::path this_executable();

}  // namespace dlrun::registry
