#include "core/cli/command_plugins.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/suggest.hpp"
#include "core/cli/plugin_options.hpp"
#include "core/registry/kinds.hpp"
#include "core/registry/registry.hpp"
#include "core/train/session.hpp"

namespace dlrun::cli {
namespace {

using registry::Candidate;
using registry::Manifest;
using registry::ProvidedType;
using registry::Registry;

struct Options {
  registry::SearchOptions search;
  std::string kind;
  std::string name;
  std::string config;
  std::vector<std::string> excluded;
  bool json = false;
};

void print_notices(const Registry& plugins) {
  for (const std::string& notice : plugins.notices())
    fmt::print(stderr, "{}\n", notice);
}

// One thing that a plugin provides.
struct Row {
  const Manifest* manifest;
  const ProvidedType* type;
};

// By kind in the order of known_kinds (others behind), then by name; of all kinds when `kind` is
// empty.
std::vector<Row> rows_of(const Registry& plugins, const std::string& kind) {
  const std::vector<std::string> kinds = registry::known_kinds();
  std::vector<Row> rows;
  for (const Candidate& candidate : plugins.candidates()) {
    if (!candidate.manifest || !candidate.shadowed_by.empty()) continue;
    for (const ProvidedType& type : candidate.manifest->provided) {
      if (kind.empty() || kind == type.kind) rows.push_back({candidate.manifest.get(), &type});
    }
  }
  const auto rank = [&](const Row& row) {
    return std::find(kinds.begin(), kinds.end(), row.type->kind);
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    return std::pair(rank(a), a.type->name) < std::pair(rank(b), b.type->name);
  });
  return rows;
}

void check_kind(const std::string& kind) {
  const std::vector<std::string> kinds = registry::known_kinds();
  if (kind.empty() || std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) return;
  base::fail_input(fmt::format("unknown kind '{}'{}; there are {}", kind,
                               base::did_you_mean(kind, kinds), fmt::join(kinds, ", ")));
}

void print_table(const std::vector<Row>& rows) {
  constexpr std::size_t kColumns = 5;
  std::vector<std::array<std::string, kColumns>> cells = {
      {"KIND", "NAME", "PLUGIN", "VERSION", "FILE"}};
  for (const Row& row : rows) {
    cells.push_back({row.type->kind, row.type->name, row.manifest->id, row.manifest->version,
                     row.manifest->file.string()});
  }
  std::array<std::size_t, kColumns> widths = {};
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < kColumns; ++i)
      widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : cells) {
    for (std::size_t i = 0; i + 1 < kColumns; ++i)
      text += fmt::format("{:<{}}  ", line[i], widths[i]);
    text += line.back() + "\n";
  }
  fmt::print("{}", text);
}

void print_unusable(const Registry& plugins) {
  for (const Candidate& candidate : plugins.candidates()) {
    if (!candidate.manifest && candidate.is_plugin) {
      fmt::print("not usable: {}: {}\n", candidate.file.string(), candidate.reason);
    } else if (!candidate.shadowed_by.empty()) {
      fmt::print("not used: {}: {} has the same id and comes first\n", candidate.file.string(),
                 candidate.shadowed_by.string());
    }
  }
}

nlohmann::json to_json(const Row& row) {
  const Manifest& manifest = *row.manifest;
  nlohmann::json json = {{"kind", row.type->kind},         {"name", row.type->name},
                         {"summary", row.type->summary},   {"interface", row.type->interface_id},
                         {"plugin", manifest.id},          {"version", manifest.version},
                         {"file", manifest.file.string()}, {"sha256", manifest.sha256}};
  if (row.type->kind == "layer") json["bottoms"] = {row.type->min_bottoms, row.type->max_bottoms};
  if (row.type->kind == "layer" || row.type->kind == "source") {
    json["tops"] = {row.type->min_tops, row.type->max_tops};
  }
  if (row.type->kind == "device") {
    json["score"] = row.type->score;
    json["is_host"] = row.type->is_host;
  }
  return json;
}

void print_json(const Registry& plugins, const std::vector<Row>& rows) {
  nlohmann::json json = {{"provided", nlohmann::json::array()},
                         {"not_usable", nlohmann::json::array()},
                         {"not_used", nlohmann::json::array()},
                         {"looked_in", nlohmann::json::array()}};
  for (const Row& row : rows)
    json["provided"].push_back(to_json(row));
  for (const Candidate& candidate : plugins.candidates()) {
    if (!candidate.manifest) {
      json["not_usable"].push_back(
          {{"file", candidate.file.string()}, {"reason", candidate.reason}});
    } else if (!candidate.shadowed_by.empty()) {
      json["not_used"].push_back(
          {{"file", candidate.file.string()}, {"shadowed_by", candidate.shadowed_by.string()}});
    }
  }
  for (const registry::SearchPlace& place : plugins.places()) {
    json["looked_in"].push_back(
        {{"path", place.path.string()}, {"origin", place.origin}, {"state", place.state}});
  }
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

int list(const Options& options) {
  check_kind(options.kind);
  const Registry plugins(options.search);
  print_notices(plugins);
  const std::vector<Row> rows = rows_of(plugins, options.kind);
  if (options.json) {
    print_json(plugins, rows);
    return 0;
  }
  if (rows.empty()) {
    fmt::print("no plugins{}\n{}", options.kind.empty() ? "" : " of kind " + options.kind,
               plugins.describe_places());
  } else {
    print_table(rows);
  }
  print_unusable(plugins);
  return 0;
}

int why(const Options& options) {
  const Registry plugins(options.search);
  fmt::print("{}", plugins.why(options.name));
  return 0;
}

// What the lock file would list, and that no two of them claim the same name.
std::vector<const Manifest*> plugins_to_lock(const Registry& plugins,
                                             const std::vector<std::string>& excluded) {
  std::vector<const Manifest*> manifests;
  for (const Candidate& candidate : plugins.candidates()) {
    if (!candidate.manifest || !candidate.shadowed_by.empty()) continue;
    const Manifest& manifest = *candidate.manifest;
    if (std::find(excluded.begin(), excluded.end(), manifest.id) != excluded.end()) continue;
    for (const Manifest* other : manifests) {
      for (const ProvidedType& type : manifest.provided) {
        if (other->find(type.kind, type.name) == nullptr) continue;
        base::fail_input(fmt::format(
            "two plugins provide the {} '{}': {} ({}) and {} ({}); {}", type.kind, type.name,
            other->id, other->file.string(), manifest.id, manifest.file.string(),
            other->id == manifest.id ? "remove one of them" : "leave one out with --exclude ID"));
      }
    }
    manifests.push_back(&manifest);
  }
  return manifests;
}

int lock(Options options) {
  if (std::filesystem::exists(options.config))  // else it locks for a job to come
    options.search = train::with_config_plugins(options.search, options.config, {});
  options.search.use_lock = false;
  const Registry plugins(options.search);
  print_notices(plugins);
  const std::filesystem::path folder =
      options.config.empty() ? std::filesystem::current_path()
                             : std::filesystem::absolute(options.config).parent_path();
  registry::LockFile lock{folder / "plugins.lock", {}};
  for (const Manifest* manifest : plugins_to_lock(plugins, options.excluded)) {
    lock.plugins.push_back({manifest->id, manifest->version, manifest->sha256});
  }
  if (lock.plugins.empty()) base::fail_work("no plugins to lock\n" + plugins.describe_places());
  std::sort(lock.plugins.begin(), lock.plugins.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  registry::write_lock(lock);
  fmt::print("{}: {} plugins\n", lock.path.string(), lock.plugins.size());
  return 0;
}

}  // namespace

std::function<int()> add_plugins_command(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("plugins", "list plugins, explain why one can't be used, pin them");
  command->require_subcommand(1);

  CLI::App* list_command = command->add_subcommand("list", "what the plugins provide");
  list_command->footer("Example: dlrun plugins list layer");
  list_command
      ->add_option("KIND", options->kind, "only this kind: layer, source, solver, device ...")
      ->type_name("");
  list_command->add_flag("--json", options->json, "print JSON");
  add_plugin_options(*list_command, options->search);

  CLI::App* why_command =
      command->add_subcommand("why", "why a name can't be used, or what serves it");
  why_command->footer("Example: dlrun plugins why Convolution");
  why_command->add_option("NAME", options->name, "a type's name, or a plugin's id or file name")
      ->required()
      ->type_name("");
  add_plugin_options(*why_command, options->search);

  CLI::App* lock_command = command->add_subcommand(
      "lock", "write plugins.lock: the plugins in use, by id, version and content");
  lock_command->footer("Example: dlrun plugins lock, then dlrun train --locked config.yaml");
  lock_command
      ->add_option("CONFIG", options->config,
                   "write it beside this file instead of in the current folder")
      ->type_name("FILE");
  lock_command
      ->add_option("--exclude", options->excluded,
                   "leave out the plugin with this id; may be repeated")
      ->allow_extra_args(false)
      ->type_name("ID");
  add_plugin_options(*lock_command, options->search);

  return [options, list_command, why_command] {
    if (list_command->parsed()) return list(*options);
    if (why_command->parsed()) return why(*options);
    return lock(*options);
  };
}

}  // namespace dlrun::cli
