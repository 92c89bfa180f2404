// For tests of the registry: a folder of its own with copies of the small plugins of tests/plugins.
#pragma once

#include <dlrun/abi.h>
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/temporary_folder.hpp"
#include "core/registry/registry.hpp"
#include "core/registry/scan.hpp"
#include "tests/unit/roots.hpp"

namespace registry_test {

namespace fs = std::filesystem;

inline fs::path built(const std::string& file) {
  return fs::path(dlrun::test::build_root()) / "tests/plugins" / file;
}

inline fs::path helper() {
  return built("registry_helper");
}

inline std::string read(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

inline void write(const fs::path& file, const std::string& bytes) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << bytes;
}

// A folder that goes with the test.
class Folder {
 public:
  const fs::path& path() const { return path_; }
  fs::path operator/(const std::string& name) const { return path_ / name; }

  // Copies small plugin `name`.so into the folder (or one within it) and gives its path.
  fs::path add(const std::string& name, const std::string& folder = "plugins",
               const std::string& as = "") const {
    const fs::path to = path_ / folder / ((as.empty() ? name : as) + ".so");
    fs::create_directories(to.parent_path());
    fs::copy_file(built(name + ".so"), to, fs::copy_options::overwrite_existing);
    return to;
  }

  // Looks in `folders` of this folder only, with an index of its own and the tests' helper.
  dlrun::registry::SearchOptions options(const std::vector<std::string>& folders = {
                                             "plugins"}) const {
    dlrun::registry::SearchOptions options;
    for (const std::string& folder : folders)
      options.plugin_path.push_back((path_ / folder).string());
    options.executable = helper();
    options.cache_folder = path_ / "cache";
    options.config_file = path_ / "job.yaml";
    return options;
  }

 private:
  dlrun::base::TemporaryFolder folder_;
  fs::path path_ = fs::canonical(folder_.path());
};

// The message of the error that `body` throws; "" when it throws none.
template <class Body>
std::string message_of(Body&& body) {
  try {
    body();
    return {};
  } catch (const dlrun::base::Error& error) {
    return error.what();
  }
}

inline bool contains(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE("'", text, "' lacks '", part, "'");
  return found;
}

}  // namespace registry_test
