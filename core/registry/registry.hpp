// The plugins there are: found, described by their manifests, resolved by name. Opens none of them
// (loader.hpp does).
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/config/schema.hpp"
#include "core/registry/lock_file.hpp"
#include "core/registry/manifest.hpp"
#include "core/registry/search.hpp"

namespace dlrun::registry {

// A library that was found.
struct Candidate {
  std::filesystem::path file;
  std::size_t place = 0;                     // index into Registry::places()
  std::shared_ptr<const Manifest> manifest;  // NULL: not usable, see `reason`
  std::string reason;                        // why it isn't usable: "crashed with signal 11 ..."
  bool is_plugin = true;                     // false: a library that never claimed to be a plugin
  std::filesystem::path
      shadowed_by;  // the library with the same id earlier in the search, or empty
};

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
  // The type itself, within the manifest that resolve gives: "Swish" for "com.acme.swish/Swish".
  static std::string short_name(const std::string& name);

  // Why `name` (of any kind, or a plugin's id or file name) can't be used, or which plugin serves
  // it, as whole lines.
  std::string why(const std::string& name) const;

  const std::vector<Candidate>& candidates() const { return candidates_; }
  const std::vector<SearchPlace>& places() const { return places_; }
  const std::vector<std::string>& notices() const { return notices_; }  // what the user should know
  const SearchOptions& options() const { return options_; }
  // "looked in:" and a line for each place.
  std::string describe_places() const;

  // config::SchemaSource.
  std::vector<config::PluginSchema> schemas_for(const std::vector<config::UsedName>& used) override;
  std::vector<config::PluginSchema> all_schemas() override;
  std::vector<std::string> known_names(const std::string& kind) override { return names(kind); }

 private:
  std::vector<const Candidate*> claimants(const std::string& kind, const std::string& name) const;
  [[noreturn]] void fail_unknown(const std::string& kind, const std::string& name,
                                 const base::Location& where, const std::string& subject) const;

  SearchOptions options_;
  std::vector<SearchPlace> places_;
  std::vector<Candidate> candidates_;
  std::optional<LockFile> lock_;
  std::vector<std::string> notices_;
};

}  // namespace dlrun::registry
