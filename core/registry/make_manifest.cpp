// A manifest from a library's own description, every part of which is checked before it is
// believed.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/base/error.hpp"
#include "core/base/sha256.hpp"
#include "core/config/schema.hpp"
#include "core/registry/elf.hpp"
#include "core/registry/kinds.hpp"
#include "core/registry/library.hpp"
#include "core/registry/scan.hpp"

namespace dlrun::registry {
namespace {

namespace fs = std::filesystem;

// Beyond any sensible plugin: a count that is larger is a wild number.
constexpr std::uint64_t kMostEntries = 100'000;

std::string checked_text(dlr_string text, const char* what) {
  constexpr std::uint64_t kMostBytes = 64u << 20;
  if (text.length > kMostBytes || (text.data == nullptr && text.length > 0)) {
    base::fail_work(fmt::format("its {} is no valid text", what));
  }
  return std::string(from_plugin(text));
}

// Ids and names appear in files and on command lines: no blanks, no separators.
void check_word(const std::string& word, const char* what) {
  const auto is_fine = [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.';
  };
  if (word.empty() || !std::all_of(word.begin(), word.end(), is_fine)) {
    base::fail_work(fmt::format(
        "its {} is '{}'; expected letters, digits and any of '_-.', at least one", what, word));
  }
}

void check_count(std::uint64_t n, const void* array, const char* what) {
  if (n > kMostEntries || (n > 0 && array == nullptr)) {
    base::fail_work(fmt::format("its list of {} is damaged ({} entries)", what, n));
  }
}

void add_facts(ProvidedType& type, const void* data) {
  if (type.kind == "layer") {
    const auto& layer = *static_cast<const dlr_layer_type*>(data);
    type.min_bottoms = layer.min_bottoms;
    type.max_bottoms = layer.max_bottoms;
    type.min_tops = layer.min_tops;
    type.max_tops = layer.max_tops;
  } else if (type.kind == "source") {
    const auto& source = *static_cast<const dlr_source_type*>(data);
    type.min_tops = source.min_tops;
    type.max_tops = source.max_tops;
  } else if (type.kind == "device") {
    const auto& device = *static_cast<const dlr_device_type*>(data);
    type.score = device.score;
    type.is_host = device.is_host != 0;
  }
}

ProvidedType read_type(const dlr_provided* provided) {
  if (provided == nullptr || !DLR_HAS(provided, type)) {
    base::fail_work("its list of provided types holds an entry that is too short");
  }
  ProvidedType type;
  type.interface_id = checked_text(provided->interface_id, "interface id");
  type.kind = kind_of(type.interface_id);
  type.name = checked_text(provided->name, "type name");
  check_word(type.name, "type name");
  type.summary = checked_text(provided->summary, "summary");
  const std::string trouble = check_type(type.interface_id, provided->type);
  if (!trouble.empty())
    base::fail_work(fmt::format("its {} '{}' {}", type.kind, type.name, trouble));
  if (interface_of(type.kind) == type.interface_id) add_facts(type, provided->type);
  return type;
}

SchemaText read_schema(const dlr_schema* schema, const std::string& plugin_id) {
  if (schema == nullptr || !DLR_HAS(schema, text)) {
    base::fail_work("its list of schemas holds an entry that is too short");
  }
  SchemaText text{checked_text(schema->file, "schema's file name"),
                  checked_text(schema->text, "schema")};
  const std::string trouble = config::check_schema({plugin_id, text.file, text.text});
  if (!trouble.empty()) base::fail_work("its schema is wrong: " + trouble);
  return text;
}

void check_unique(const std::vector<ProvidedType>& types) {
  for (auto type = types.begin(); type != types.end(); ++type) {
    const bool again = std::any_of(types.begin(), type, [&](const ProvidedType& other) {
      return other.interface_id == type->interface_id && other.name == type->name;
    });
    if (again)
      base::fail_work(fmt::format("it provides the {} '{}' twice", type->kind, type->name));
  }
}

void read_entry(Manifest& manifest, const dlr_plugin& entry) {
  manifest.id = checked_text(entry.id, "id");
  check_word(manifest.id, "id");
  manifest.version = checked_text(entry.version, "version");
  manifest.abi_major = entry.abi_major;
  manifest.abi_minor_built = entry.abi_minor_built;
  manifest.abi_minor_required = entry.abi_minor_required;
  manifest.needs_cpu = checked_text(entry.needs_cpu, "needs_cpu");
  check_count(entry.n_provided, entry.provided, "provided types");
  for (std::uint64_t i = 0; i < entry.n_provided; ++i) {
    manifest.provided.push_back(read_type(entry.provided[i]));
  }
  check_unique(manifest.provided);
  check_count(entry.n_schemas, entry.schemas, "schemas");
  for (std::uint64_t i = 0; i < entry.n_schemas; ++i) {
    manifest.schemas.push_back(read_schema(entry.schemas[i], manifest.id));
  }
}

}  // namespace

Manifest make_manifest(const fs::path& library) {
  Manifest manifest;
  manifest.file = fs::absolute(library);
  const ElfFacts facts = read_elf(manifest.file);
  manifest.needed = facts.needed;
  manifest.sanitizer = facts.sanitizer;
  manifest.bytes = fs::file_size(manifest.file);
  manifest.sha256 = base::sha256_of_file(manifest.file);
  const Library opened = open_library(manifest.file);
  read_entry(manifest, *opened.entry);
  return manifest;
}

}  // namespace dlrun::registry
