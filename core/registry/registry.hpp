// The plugins there are: found, described by their manifests, resolved by name. Opens none of them
// (loader.hpp does).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.hpp"
#include "core/config/schema.hpp"
#include "core/registry/describer.hpp"
#include "core/registry/lock_file.hpp"
#include "core/registry/manifest.hpp"
#include "core/registry/search.hpp"

namespace dlrun::registry {

// "Swish" for "com.acme.swish/Swish" and for "Swish".
std::string short_name(const std::string& name);

// What a registry knows is fixed when it is made; all functions may be called from any thread.
class Registry : public config::SchemaSource {
 public:
  // Looks at every place. Bad plugins are remembered with their reason and hurt nobody.
  explicit Registry(const SearchOptions& options);

  // The plugin that serves a short name ("ReLU") or a full one ("com.acme.swish/Swish"). Unknown or
  // ambiguous: throws base::Error (exit code 2) at `where`, its message after `subject` ("layer
  // 'conv1': ").
  std::shared_ptr<const Manifest> resolve(const std::string& kind, const std::string& name,
                                          const base::Location& where = {},
                                          const std::string& subject = {}) const;
  // Whether any plugin claims the name; resolve may still find two of them.
  bool has(const std::string& kind, const std::string& name) const;
  // Short names, sorted, each once.
  std::vector<std::string> names(const std::string& kind) const;

  // Why `name` (of any kind, or a plugin's id or file name) can't be used, or which plugin serves
  // it, as whole lines.
  std::string why(const std::string& name) const;

  const std::vector<Candidate>& candidates() const { return candidates_; }
  const std::vector<SearchPlace>& places() const { return places_; }
  // What the user should know, as finished lines.
  const std::vector<std::string>& notices() const { return notices_; }
  const std::optional<LockFile>& lock() const { return lock_; }
  // "  looked in FOLDER (the user's folder): 12 libraries", a line for each place.
  std::string describe_places() const;
  // Libraries that may have been meant by a name that nothing provides, a line for each.
  std::string describe_suspects(std::string_view kind, const std::string& name) const;
  // Libraries that can't be used and may provide the kind. Without a manifest only the name of the
  // file tells: dlrun's own and those made by `dlrun new` begin with the kind, "device_cpu.so".
  std::vector<const Candidate*> unusable(const std::string& kind) const;

  // config::SchemaSource. Ambiguous names throw like resolve.
  std::vector<config::PluginSchema> schemas_for(const std::vector<config::UsedName>& used) override;
  std::vector<config::PluginSchema> all_schemas() override;
  std::vector<std::string> known_names(const std::string& kind) override { return names(kind); }

 private:
  using Claimants = std::vector<const Candidate*>;

  void find_candidates();
  void read_lock_file();
  void mark_shadowed();
  void add_notices();

  Claimants claimants(const std::string& kind, const std::string& name) const;
  Claimants pinned(const Claimants& all) const;
  [[noreturn]] void fail_unknown(const std::string& kind, const std::string& name,
                                 const base::Location& where, const std::string& subject) const;
  std::string describe_served(const std::string& name) const;
  std::string describe_plugin(const Candidate& candidate) const;

  SearchOptions options_;
  std::vector<SearchPlace> places_;
  std::vector<Candidate> candidates_;
  std::optional<LockFile> lock_;
  std::vector<std::string> notices_;
};

}  // namespace dlrun::registry
