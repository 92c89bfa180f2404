#include "core/registry/lock_file.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "core/base/error.hpp"
#include "core/base/files.hpp"

namespace dlrun::registry {
namespace {

namespace fs = std::filesystem;

std::string field(const fs::path& path, const YAML::Node& node, const char* name) {
  const base::Location where{path.string(), node.Mark().line + 1, node.Mark().column + 1};
  if (!node.IsMap() || !node[name] || !node[name].IsScalar()) {
    base::fail_input(where, fmt::format("expected a plugin with id, version and sha256, but '{}' "
                                        "is missing; write the file with `dlrun plugins lock`",
                                        name));
  }
  return node[name].Scalar();
}

}  // namespace

const LockedPlugin* LockFile::find(const std::string& id) const {
  for (const LockedPlugin& plugin : plugins) {
    if (plugin.id == id) return &plugin;
  }
  return nullptr;
}

std::string LockFile::check(const Manifest& manifest) const {
  const LockedPlugin* locked = find(manifest.id);
  if (locked == nullptr) {
    return fmt::format("{} doesn't list the plugin {} ({})", path.string(), manifest.id,
                       manifest.file.string());
  }
  if (locked->sha256 == manifest.sha256) return {};
  return fmt::format("{} pins {} to version {} with sha256 {}..., but {} is version {} with {}...",
                     path.string(), manifest.id, locked->version, locked->sha256.substr(0, 12),
                     manifest.file.string(), manifest.version, manifest.sha256.substr(0, 12));
}

fs::path lock_path(const fs::path& config_file) {
  constexpr const char* kName = "plugins.lock";
  std::error_code ignored;
  if (!config_file.empty()) {
    const fs::path beside = fs::absolute(config_file).parent_path() / kName;
    if (fs::exists(beside, ignored)) return beside;
  }
  return fs::current_path() / kName;
}

std::optional<LockFile> read_lock(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return {};
  LockFile lock{path, {}};
  YAML::Node root;
  try {
    root = YAML::Load(base::read_file(path));
  } catch (const YAML::Exception& error) {
    base::fail_input({path.string(), error.mark.line + 1, error.mark.column + 1}, error.msg);
  }
  if (!root.IsMap() || !root["plugins"] || !root["plugins"].IsSequence()) {
    base::fail_input({path.string(), 0, 0},
                     "expected a list `plugins:`; write the file with `dlrun plugins lock`");
  }
  for (const YAML::Node& node : root["plugins"]) {
    lock.plugins.push_back(
        {field(path, node, "id"), field(path, node, "version"), field(path, node, "sha256")});
  }
  return lock;
}

void write_lock(const LockFile& lock) {
  YAML::Emitter out;
  out << YAML::Comment(
      "The plugins that this project uses. Written by `dlrun plugins lock`; `--locked` insists on "
      "it.");
  out << YAML::BeginMap << YAML::Key << "plugins" << YAML::Value << YAML::BeginSeq;
  for (const LockedPlugin& plugin : lock.plugins) {
    out << YAML::BeginMap;
    out << YAML::Key << "id" << YAML::Value << plugin.id;
    out << YAML::Key << "version" << YAML::Value << YAML::DoubleQuoted << plugin.version;
    out << YAML::Key << "sha256" << YAML::Value << plugin.sha256;
    out << YAML::EndMap;
  }
  out << YAML::EndSeq << YAML::EndMap << YAML::Newline;
  base::replace_file(lock.path, std::string(out.c_str()));
}

}  // namespace dlrun::registry
