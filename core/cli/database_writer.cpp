#include "core/cli/database_writer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <strings.h>
#include <unistd.h>

#include "core/base/error.hpp"
#include "core/host/error.hpp"

namespace dlrun::cli {
namespace {

namespace fs = std::filesystem;

// The provided name that is `kind` but for the case of its letters.
std::string find_kind(net::Catalogue& catalogue, const std::string& kind) {
  const std::vector<std::string> names = catalogue.names("database");
  for (const std::string& name : names) {
    if (strcasecmp(name.c_str(), kind.c_str()) == 0) return name;
  }
  if (names.empty())
    base::fail_input("no database plugin is installed; `dlrun plugins list` says where it looked");
  base::fail_input(
      fmt::format("unknown backend '{}'; there are: {}", kind, fmt::join(names, ", ")));
}

// Nothing but what a database leaves in its folder may be replaced.
bool is_database(const fs::path& path, net::Catalogue& catalogue) {
  if (!fs::is_directory(path)) return false;
  if (fs::is_empty(path)) return true;
  for (const std::string& name : catalogue.names("database")) {
    const auto& type = catalogue.get<dlr_database_type>("database", name, {}, "");
    void* self = nullptr;
    dlr_error* error = type.open(host::to_abi(path.native()), 0, &self);
    if (error == nullptr) {
      type.close(self);
      return true;
    }
    delete error;
  }
  return false;
}

void check_target(const fs::path& path, bool replace, net::Catalogue& catalogue) {
  const base::Location where{path.string(), 0, 0};
  const fs::path parent = fs::absolute(path).parent_path();
  if (!fs::is_directory(parent))
    base::fail_input(where, fmt::format("there is no folder '{}'", parent.string()));
  if (!fs::exists(fs::symlink_status(path))) return;
  if (!replace)
    base::fail_input(where, "exists already; choose another path, or replace it with --force");
  if (!is_database(path, catalogue)) {
    base::fail_input(
        where, "exists and isn't a database, so --force won't replace it; remove it yourself");
  }
}

}  // namespace

DatabaseWriter::DatabaseWriter(net::Catalogue& catalogue, const std::string& kind,
                               const fs::path& path, bool replace)
    : path_(path.has_filename() ? path : path.parent_path()), kind_(find_kind(catalogue, kind)) {
  check_target(path_, replace, catalogue);
  temporary_ = path_;
  temporary_ += fmt::format(".{}.partial", getpid());
  type_ = &catalogue.get<dlr_database_type>("database", kind_, {}, "");
  host::check(type_->open(host::to_abi(temporary_.native()), 1, &self_));
}

DatabaseWriter::~DatabaseWriter() {
  close();
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void DatabaseWriter::close() {
  if (self_ != nullptr) type_->close(self_);
  self_ = nullptr;
}

void DatabaseWriter::put(std::string_view key, std::string_view value) {
  host::check(type_->put(self_, host::to_abi(key), host::to_abi(value)));
}

void DatabaseWriter::finish() {
  host::check(type_->commit(self_));
  close();
  std::error_code error;
  fs::remove_all(path_, error);
  if (!error) fs::rename(temporary_, path_, error);
  if (error) {
    base::fail_work({path_.string(), 0, 0},
                    fmt::format("can't be put in its place: {}", error.message()));
  }
  temporary_.clear();
}

}  // namespace dlrun::cli
