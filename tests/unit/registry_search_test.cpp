// Where plugins are looked for, and whose files are trusted.
#include "core/registry/search.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "core/registry/trust.hpp"
#include "tests/unit/registry_support.hpp"

using namespace dlrun::registry;
using namespace registry_test;

namespace {

// A variable of the environment for the length of a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    const char* before = std::getenv(name);
    had_one_ = before != nullptr;
    if (had_one_) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { had_one_ ? ::setenv(name_, before_.c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  bool had_one_ = false;
  std::string before_;
};

std::vector<std::string> origins(const std::vector<SearchPlace>& places) {
  std::vector<std::string> names;
  for (const SearchPlace& place : places)
    names.push_back(place.origin);
  return names;
}

}  // namespace

TEST_CASE("places are searched in their order, from the command line to the system") {
  const Folder folder;
  for (const char* name :
       {"cli", "config", "environment", "data/dlrun/plugins", "bin/plugins", "lib/dlrun/plugins"}) {
    fs::create_directories(folder / name);
  }
  const Variable path("DLRUN_PLUGIN_PATH", (folder / "environment").string());
  const Variable data("XDG_DATA_HOME", (folder / "data").string());
  SearchOptions options;
  options.executable = folder / "bin/dlrun";
  options.plugins = {(folder / "cli").string()};
  options.config_plugins = {(folder / "config").string()};
  CHECK(origins(search_places(options)) ==
        std::vector<std::string>{"--plugin", "the job's plugins", "DLRUN_PLUGIN_PATH",
                                 "the user's folder", "beside the binary", "relative to the binary",
                                 "the system's folder"});
}

TEST_CASE("--plugin-path replaces all other folders, not what is named") {
  const Folder folder;
  fs::create_directories(folder / "only");
  SearchOptions options;
  options.plugin_path = {(folder / "only").string()};
  options.config_plugins = {(folder / "job").string()};
  CHECK_THROWS_WITH_AS(search_places(options), doctest::Contains("no such file or folder"),
                       dlrun::base::Error);
  fs::create_directories(folder / "job");
  const std::vector<SearchPlace> places = search_places(options);
  REQUIRE(places.size() == 2);
  CHECK(places[0].path == folder / "job");
  CHECK(places[1].path == folder / "only");
  CHECK(places[1].state == "no libraries");
}

TEST_CASE("libraries of a folder are found, not those of folders within it or other files") {
  const Folder folder;
  folder.add("good");
  folder.add("plain");
  folder.add("good", "plugins/deeper");
  write(folder / "plugins/readme.txt", "hello");
  const std::vector<SearchPlace> places = search_places(folder.options());
  REQUIRE(places.size() == 1);
  CHECK(places[0].libraries ==
        std::vector<fs::path>{folder / "plugins/good.so", folder / "plugins/plain.so"});
  CHECK(places[0].state == "2 libraries");
}

TEST_CASE("relative and empty parts of DLRUN_PLUGIN_PATH are ignored, and it is said") {
  const Variable path("DLRUN_PLUGIN_PATH", ":.:relative/folder::");
  const std::vector<SearchPlace> places = search_places({});
  const auto ignored = std::count_if(places.begin(), places.end(), [](const SearchPlace& place) {
    return place.origin == "DLRUN_PLUGIN_PATH" && place.state == "ignored: not an absolute path" &&
           place.libraries.empty();
  });
  CHECK(ignored == 2);
}

TEST_CASE("a plugin that the user names and isn't there is an error") {
  SearchOptions options;
  options.plugins = {"no/such/file.so"};
  CHECK(message_of([&] { search_places(options); }) ==
        "--plugin: 'no/such/file.so': no such file or folder");
}

TEST_CASE("one folder reached in two ways is looked at once") {
  const Folder folder;
  folder.add("good");
  fs::create_directory_symlink(folder / "plugins", folder / "again");
  CHECK(search_places(folder.options({"plugins", "again", "plugins"})).size() == 1);
}

TEST_CASE("a plugin that everybody may write to, or of somebody else, is refused") {
  const Folder folder;
  const fs::path library = folder.add("good");
  struct stat status = {};
  REQUIRE(::stat(library.c_str(), &status) == 0);
  CHECK(check_trust(library, status, ::geteuid()).empty());
  struct stat writable = status;
  writable.st_mode |= S_IWOTH;
  CHECK(contains(check_trust(library, writable, ::geteuid()),
                 "every user may write to the file; `chmod o-w "));
  struct stat foreign = status;
  foreign.st_uid = ::geteuid() + 4321;
  CHECK(contains(check_trust(library, foreign, ::geteuid()), "refused: the file belongs to user "));
  CHECK(check_trust(library, foreign, foreign.st_uid).empty());
  struct stat roots = status;
  roots.st_uid = 0;
  CHECK(check_trust(library, roots, 12345).empty());
}
