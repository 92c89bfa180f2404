#include "core/registry/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "core/base/error.hpp"
#include "core/registry/build_paths.hpp"
#include "core/registry/trust.hpp"

namespace dlrun::registry {
namespace {

namespace fs = std::filesystem;

// A variable of the environment, as far as the environment may be believed.
std::string variable(const char* name) {
  if (is_elevated()) return {};
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::vector<std::string> split_path(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    if (end > begin) parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// The libraries of a folder, not of the folders within it.
void list_folder(SearchPlace& place) {
  std::error_code trouble;
  for (fs::directory_iterator entry(place.path, trouble), end; !trouble && entry != end;
       entry.increment(trouble)) {
    if (entry->path().extension() == ".so") place.libraries.push_back(entry->path());
  }
  std::sort(place.libraries.begin(), place.libraries.end());
  place.state = place.libraries.empty()       ? "no libraries"
                : place.libraries.size() == 1 ? "1 library"
                                              : fmt::format("{} libraries", place.libraries.size());
  if (trouble) place.state = trouble.message();
}

SearchPlace look_at(const fs::path& path, const std::string& origin) {
  SearchPlace place{path.lexically_normal(), origin, {}, {}};
  std::error_code trouble;
  const fs::file_status status = fs::status(path, trouble);
  if (fs::is_directory(status)) {
    list_folder(place);
  } else if (fs::is_regular_file(status)) {
    place.state = "1 library";
    place.libraries.push_back(place.path);
  } else {
    place.state = fs::exists(status)                          ? "neither a file nor a folder"
                  : status.type() == fs::file_type::not_found ? "no such folder"
                                                              : trouble.message();
  }
  return place;
}

class Places {
 public:
  // Asked for by the user: relative to the current folder, and an error when it isn't there.
  void add_required(const std::string& path, const std::string& origin) {
    const fs::path absolute = fs::absolute(path);
    std::error_code ignored;
    if (path.empty() || !fs::exists(absolute, ignored)) {
      base::fail_input(fmt::format("{}: '{}': no such file or folder", origin, path));
    }
    add(absolute, origin);
  }

  void add(const fs::path& path, const std::string& origin) {
    std::error_code trouble;
    const fs::path real = fs::canonical(path, trouble);
    if (!trouble && !seen_.insert(real).second) return;
    places_.push_back(look_at(path, origin));
  }

  void add_ignored(const fs::path& path, const std::string& origin, const std::string& why) {
    places_.push_back({path, origin, "ignored: " + why, {}});
  }

  std::vector<SearchPlace> take() { return std::move(places_); }

 private:
  std::vector<SearchPlace> places_;
  std::set<fs::path> seen_;
};

void add_environment(Places& places) {
  const std::string origin = "DLRUN_PLUGIN_PATH";
  for (const std::string& path : split_path(variable(origin.c_str()))) {
    if (fs::path(path).is_absolute()) {
      places.add(path, origin);
    } else {
      places.add_ignored(path, origin, "not an absolute path");
    }
  }
}

void add_user_folder(Places& places) {
  const fs::path data = variable("XDG_DATA_HOME");
  const fs::path home = variable("HOME");
  if (data.is_absolute()) {
    places.add(data / "dlrun/plugins", "the user's folder");
  } else if (home.is_absolute()) {
    places.add(home / ".local/share/dlrun/plugins", "the user's folder");
  }
}

}  // namespace

fs::path this_executable() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored);
}

std::vector<SearchPlace> search_places(const SearchOptions& options) {
  Places places;
  for (const std::string& path : options.plugins)
    places.add_required(path, "--plugin");
  for (const std::string& path : options.config_plugins)
    places.add_required(path, "the job's plugins");
  if (!options.plugin_path.empty()) {
    for (const std::string& folder : options.plugin_path)
      places.add(fs::absolute(folder), "--plugin-path");
    return places.take();
  }
  add_environment(places);
  add_user_folder(places);
  // Before the system's folder, so that a binary that runs in its build folder meets the plugins
  // built with it, not older ones that are installed.
  const fs::path folder =
      (options.executable.empty() ? this_executable() : options.executable).parent_path();
  places.add(folder / "plugins", "beside the binary");
  places.add(folder.parent_path() / "lib/dlrun/plugins", "relative to the binary");
  places.add(kSystemPlugins, "the system's folder");
  return places.take();
}

}  // namespace dlrun::registry
