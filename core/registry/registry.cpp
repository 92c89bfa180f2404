#include "core/registry/registry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/base/suggest.hpp"
#include "core/registry/index.hpp"
#include "core/registry/kinds.hpp"

namespace dlrun::registry {
namespace {

namespace fs = std::filesystem;

// "com.acme.swish" for "com.acme.swish/Swish", "" for "Swish".
std::string id_in_name(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? std::string() : name.substr(0, slash);
}

// A name of a layer may also be a source's: to a net, both are layers.
std::vector<std::string> kinds_alike(const std::string& kind) {
  if (kind == "layer" || kind == "source") return {"layer", "source"};
  return {kind};
}

void add_schemas(std::vector<config::PluginSchema>& schemas, const Manifest& manifest) {
  for (const SchemaText& schema : manifest.schemas) {
    schemas.push_back({manifest.id, schema.file, schema.text});
  }
}

}  // namespace

std::string short_name(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

Registry::Registry(const SearchOptions& options) : options_(options) {
  if (options_.executable.empty()) options_.executable = this_executable();
  places_ = search_places(options_);
  find_candidates();
  if (options_.use_lock) read_lock_file();
  mark_shadowed();
  add_notices();
}

void Registry::find_candidates() {
  Index index(index_path(options_.cache_folder));
  Describer describer(index, {options_.executable});
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;  // one file under several names
  for (std::size_t place = 0; place < places_.size(); ++place) {
    for (const fs::path& library : places_[place].libraries) {
      struct stat status = {};
      if (::stat(library.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
      if (!seen.emplace(status.st_dev, status.st_ino).second) continue;
      candidates_.push_back(describer.describe(library, status));
      candidates_.back().place = place;
    }
  }
  index.save();
}

void Registry::read_lock_file() {
  const fs::path path = lock_path(options_.config_file);
  lock_ = read_lock(path);
  if (options_.locked && !lock_) {
    base::fail_input(
        fmt::format("--locked: there is no {}; write it with `dlrun plugins lock`", path.string()));
  }
}

// The first library with an id serves it, or the one that the lock file pins. Two in one place are
// no order of search: both stay, and a name that both claim is ambiguous.
void Registry::mark_shadowed() {
  std::map<std::string, const Candidate*> chosen;
  for (const Candidate& candidate : candidates_) {
    if (!candidate.manifest) continue;
    const auto [first, is_first] = chosen.emplace(candidate.manifest->id, &candidate);
    if (is_first || !lock_ || !lock_->find(candidate.manifest->id)) continue;
    const bool first_fits = lock_->check(*first->second->manifest).empty();
    if (!first_fits && lock_->check(*candidate.manifest).empty()) first->second = &candidate;
  }
  for (Candidate& candidate : candidates_) {
    if (!candidate.manifest) continue;
    const Candidate* winner = chosen.at(candidate.manifest->id);
    const bool is_pinned = lock_ && lock_->check(*winner->manifest).empty();
    if (winner == &candidate) continue;
    const bool is_copy = winner->manifest->sha256 == candidate.manifest->sha256;
    if (winner->place != candidate.place || is_pinned || is_copy) {
      candidate.shadowed_by = winner->file;
    }
  }
}

void Registry::add_notices() {
  for (const Candidate& candidate : candidates_) {
    const SearchPlace& place = places_[candidate.place];
    if (!candidate.manifest && place.path == candidate.file) {
      notices_.push_back(fmt::format("{}: the plugin {} can't be used: {}", place.origin,
                                     candidate.file.string(), candidate.reason));
    }
    if (candidate.manifest && candidate.shadowed_by.empty() && lock_ && !options_.locked &&
        lock_->find(candidate.manifest->id)) {
      const std::string difference = lock_->check(*candidate.manifest);
      if (!difference.empty()) notices_.push_back(difference);
    }
  }
}

Registry::Claimants Registry::claimants(const std::string& kind, const std::string& name) const {
  const std::string id = id_in_name(name);
  const std::string type = short_name(name);
  Claimants all;
  for (const Candidate& candidate : candidates_) {
    if (!candidate.manifest || !candidate.shadowed_by.empty()) continue;
    if (!id.empty() && candidate.manifest->id != id) continue;
    if (candidate.manifest->find(kind, type) != nullptr) all.push_back(&candidate);
  }
  return all;
}

// Of several, those that the lock file lists.
Registry::Claimants Registry::pinned(const Claimants& all) const {
  Claimants listed;
  if (all.size() < 2 || !lock_) return all;
  std::copy_if(all.begin(), all.end(), std::back_inserter(listed),
               [&](const Candidate* candidate) { return lock_->find(candidate->manifest->id); });
  return listed.empty() ? all : listed;
}

std::shared_ptr<const Manifest> Registry::resolve(const std::string& kind, const std::string& name,
                                                  const base::Location& where,
                                                  const std::string& subject) const {
  const Claimants all = pinned(claimants(kind, name));
  if (all.empty()) fail_unknown(kind, name, where, subject);
  const Manifest& first = *all[0]->manifest;
  if (all.size() > 1) {
    const Manifest& second = *all[1]->manifest;
    const std::string remedy = first.id == second.id
                                   ? "remove one of them"
                                   : fmt::format(
                                         "write '{0}/{1}' or '{2}/{1}', or pin one with `dlrun "
                                         "plugins lock --exclude {2}`",
                                         first.id, short_name(name), second.id);
    base::fail_input(
        where, fmt::format("{}two plugins provide the {} '{}': {} and {}; {}", subject, kind, name,
                           first.file.string(), second.file.string(), remedy));
  }
  if (options_.locked) {
    const std::string difference = lock_->check(first);
    if (!difference.empty()) {
      base::fail_input(where, fmt::format("{}--locked: {}", subject, difference));
    }
  }
  return all[0]->manifest;
}

bool Registry::has(const std::string& kind, const std::string& name) const {
  return !claimants(kind, name).empty();
}

std::vector<std::string> Registry::names(const std::string& kind) const {
  const std::string_view interface_id = interface_of(kind);
  std::set<std::string> names;
  for (const Candidate& candidate : candidates_) {
    if (!candidate.manifest) continue;
    for (const ProvidedType& type : candidate.manifest->provided) {
      if (type.interface_id == interface_id) names.insert(type.name);
    }
  }
  return {names.begin(), names.end()};
}

void Registry::fail_unknown(const std::string& kind, const std::string& name,
                            const base::Location& where, const std::string& subject) const {
  std::vector<std::string> known;
  for (const std::string& alike : kinds_alike(kind)) {
    for (std::string& other : names(alike))
      known.push_back(std::move(other));
  }
  base::fail_input(where, fmt::format("{}no plugin provides the {} '{}'{}\n{}{}", subject, kind,
                                      name, base::did_you_mean(short_name(name), known),
                                      describe_suspects(kind, name), describe_places()));
}

std::vector<config::PluginSchema> Registry::schemas_for(const std::vector<config::UsedName>& used) {
  std::set<const Manifest*> seen;
  std::vector<config::PluginSchema> schemas;
  for (const config::UsedName& name : used) {
    if (!has(name.kind, name.name)) continue;
    const std::shared_ptr<const Manifest> manifest = resolve(name.kind, name.name, name.where);
    if (seen.insert(manifest.get()).second) add_schemas(schemas, *manifest);
  }
  return schemas;
}

std::vector<config::PluginSchema> Registry::all_schemas() {
  std::vector<config::PluginSchema> schemas;
  for (const Candidate& candidate : candidates_) {
    if (candidate.manifest && candidate.shadowed_by.empty()) {
      add_schemas(schemas, *candidate.manifest);
    }
  }
  return schemas;
}

}  // namespace dlrun::registry
