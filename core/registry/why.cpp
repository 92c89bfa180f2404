// What a registry tells about names that can't be used, and where it looked.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "core/base/files.hpp"
#include "core/base/suggest.hpp"
#include "core/registry/cpu_features.hpp"
#include "core/registry/kinds.hpp"
#include "core/registry/registry.hpp"
#include "core/registry/scan.hpp"

namespace dlrun::registry {
namespace {

namespace fs = std::filesystem;

// "idxdata" for "IdxData" and "idx_data": how names of types and files are compared.
std::string folded(const std::string& name) {
  std::string letters;
  for (const unsigned char c : name) {
    if (std::isalnum(c)) letters.push_back(static_cast<char>(std::tolower(c)));
  }
  return letters;
}

// Whether the file name of a library suggests a type: "layer_idx_data.so" suggests IdxData.
bool suggests(const fs::path& library, const std::string& type) {
  const std::string stem = folded(library.stem().string());
  const std::string wanted = folded(type);
  return !wanted.empty() && stem.find(wanted) != std::string::npos;
}

// Whether the manifest file of a library that can't be used, if it has one, promises the type.
bool promises(const fs::path& library, const std::string& type) {
  try {
    const fs::path path = manifest_path(library);
    const Manifest manifest = parse_manifest(base::read_file(path), path.string(), library);
    return std::any_of(manifest.provided.begin(), manifest.provided.end(),
                       [&](const ProvidedType& provided) { return provided.name == type; });
  } catch (const base::Error&) {
    return false;
  }
}

// Whether a question is about this plugin: by its id, its path or its file name.
bool is_about(const Candidate& candidate, const std::string& name) {
  return (candidate.manifest && candidate.manifest->id == name) || candidate.file == name ||
         candidate.file.filename() == name || candidate.file.stem() == name;
}

bool is_broken(const Candidate& candidate) {
  return !candidate.manifest && candidate.is_plugin;
}

// Why a plugin with a good manifest can't be loaded all the same, or "".
std::string probe(const Manifest& manifest, const fs::path& executable) {
  const std::string lacking = check_cpu(manifest.needs_cpu);
  if (!lacking.empty()) return lacking;
  try {
    scan_in_helper(manifest.file, {executable});
    return {};
  } catch (const base::Error& error) {
    return error.what();
  }
}

}  // namespace

std::string Registry::describe_places() const {
  std::string lines;
  for (const SearchPlace& place : places_) {
    lines +=
        fmt::format("  looked in {} ({}): {}\n", place.path.string(), place.origin, place.state);
  }
  return lines.empty() ? "  looked nowhere\n" : lines;
}

// Libraries that may have been meant and can't serve, each with its reason.
std::string Registry::describe_suspects(std::string_view kind, const std::string& name) const {
  const std::string type = short_name(name);
  std::string lines;
  for (const Candidate& candidate : candidates_) {
    if (!candidate.manifest) {
      if (suggests(candidate.file, type) || promises(candidate.file, type)) {
        lines += fmt::format("  {} can't be used: {}\n", candidate.file.string(), candidate.reason);
      }
      continue;
    }
    for (const ProvidedType& provided : candidate.manifest->provided) {
      if (provided.name != type || provided.kind != kind) continue;
      if (provided.interface_id == interface_of(kind)) continue;
      lines += fmt::format("  {} provides it through {}, this dlrun calls {}\n",
                           candidate.file.string(), provided.interface_id, interface_of(kind));
    }
  }
  const auto n = std::count_if(candidates_.begin(), candidates_.end(), is_broken);
  if (lines.empty() && n > 0) {
    lines = fmt::format("  {} plugins there can't be used; `dlrun plugins list` says why\n", n);
  }
  return lines;
}

std::vector<const Candidate*> Registry::unusable(const std::string& kind) const {
  std::vector<const Candidate*> all;
  for (const Candidate& candidate : candidates_) {
    if (is_broken(candidate) && candidate.file.filename().string().starts_with(kind + "_"))
      all.push_back(&candidate);
  }
  return all;
}

std::string Registry::describe_plugin(const Candidate& candidate) const {
  if (!candidate.manifest) {
    return fmt::format("{} can't be used: {}\n", candidate.file.string(), candidate.reason);
  }
  const Manifest& manifest = *candidate.manifest;
  std::string lines = fmt::format("{} is the plugin {} {}\n", candidate.file.string(), manifest.id,
                                  manifest.version);
  if (!candidate.shadowed_by.empty()) {
    lines += fmt::format("  not used: {} has the same id and comes first\n",
                         candidate.shadowed_by.string());
  }
  const std::string trouble = probe(manifest, options_.executable);
  return lines + (trouble.empty() ? "  it can be loaded\n"
                                  : fmt::format("  it can't be loaded: {}\n", trouble));
}

// A line for each kind in which the name is served, or why it isn't although plugins claim it.
std::string Registry::describe_served(const std::string& name) const {
  std::string lines;
  std::set<const Candidate*> told;
  for (const std::string& kind : known_kinds()) {
    const Claimants all = claimants(kind, name);
    if (all.empty()) continue;
    try {
      const Manifest& manifest = *resolve(kind, name);
      lines += fmt::format("the {} '{}' is provided by {}\n", kind, name, manifest.id);
    } catch (const base::Error& error) {
      lines += fmt::format("the {} '{}' can't be used: {}\n", kind, name, error.what());
    }
    for (const Candidate* candidate : all) {
      if (told.insert(candidate).second) lines += describe_plugin(*candidate);
    }
  }
  return lines;
}

std::string Registry::why(const std::string& name) const {
  std::string lines = describe_served(name);
  if (lines.empty()) {
    for (const Candidate& candidate : candidates_) {
      if (is_about(candidate, name)) lines += describe_plugin(candidate);
    }
  }
  if (!lines.empty()) return lines;
  std::vector<std::string> known;
  std::string suspects;
  for (const std::string& kind : known_kinds()) {
    for (std::string& other : names(kind))
      known.push_back(std::move(other));
    if (suspects.empty()) suspects = describe_suspects(kind, name);
  }
  return fmt::format("no plugin provides '{}'{}\n{}{}", name,
                     base::did_you_mean(short_name(name), known), suspects, describe_places());
}

}  // namespace dlrun::registry
