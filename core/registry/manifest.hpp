// What a plugin's library is and provides, known without opening it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dlrun::registry {

struct ProvidedType {
  std::string interface_id;  // "dlrun.layer/1"
  std::string kind;          // "layer"
  std::string name;          // "ReLU"
  std::string summary;       // one line
  // Layers: how many bottoms and tops it takes; sources: tops only. A most of -1 means any number.
  std::int32_t min_bottoms = 0;
  std::int32_t max_bottoms = 0;
  std::int32_t min_tops = 0;
  std::int32_t max_tops = 0;
  // Devices only.
  std::int32_t score = 0;
  bool is_host = false;

  bool operator==(const ProvidedType&) const = default;
};

// A .proto text that the plugin adds to the configuration's language.
struct SchemaText {
  std::string file;
  std::string text;

  bool operator==(const SchemaText&) const = default;
};

struct Manifest {
  std::filesystem::path file;  // absolute path of the library; in a .manifest.yaml its name only
  std::string id;              // "org.dlrun.relu"
  std::string version;         // "1.0.0"
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor_built = 0;
  std::uint32_t abi_minor_required = 0;
  std::string needs_cpu;  // "avx2 fma"
  std::vector<ProvidedType> provided;
  std::vector<SchemaText> schemas;
  std::vector<std::string> needed;  // libraries that it is linked with: "libstdc++.so.6"
  std::string sanitizer = "none";   // or "address", "thread"
  std::uint64_t bytes = 0;          // size of the library
  std::string sha256;               // of the library

  // NULL when it provides no such thing through the interface that this host calls.
  const ProvidedType* find(std::string_view kind, std::string_view name) const;

  bool operator==(const Manifest&) const = default;
};

// "plugins/relu.manifest.yaml" for "plugins/relu.so".
std::filesystem::path manifest_path(const std::filesystem::path& library);

std::string to_yaml(const Manifest& manifest);
// Reads what to_yaml wrote; `yaml_file` is for messages, `library` becomes `file`. Throws
// base::Error at the place of what is wrong.
Manifest parse_manifest(const std::string& yaml, const std::string& yaml_file,
                        const std::filesystem::path& library);

// "" when this host can serve the plugin, or why not, with both versions:
// "built for plugin interface 3.2, this dlrun speaks 0.1; rebuild the plugin".
std::string check_abi(std::uint32_t major, std::uint32_t minor_built, std::uint32_t minor_required);

}  // namespace dlrun::registry
