// Manifests as YAML: what lies beside a library as <name>.manifest.yaml.
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "core/base/error.hpp"
#include "core/registry/kinds.hpp"
#include "core/registry/manifest.hpp"

namespace dlrun::registry {
namespace {

constexpr int kFormat = 1;

// A block of lines is easier to read than a quoted string, and exact only for such text.
bool fits_block(const std::string& text) {
  const auto is_plain = [](unsigned char c) { return c == '\n' || (c >= ' ' && c != 0x7f); };
  return text.size() >= 2 && text.front() != ' ' && text.front() != '\n' && text.back() == '\n' &&
         text[text.size() - 2] != '\n' && std::all_of(text.begin(), text.end(), is_plain);
}

void write_type(YAML::Emitter& out, const ProvidedType& type) {
  out << YAML::BeginMap;
  out << YAML::Key << "interface" << YAML::Value << type.interface_id;
  out << YAML::Key << "name" << YAML::Value << YAML::DoubleQuoted << type.name;
  out << YAML::Key << "summary" << YAML::Value << YAML::DoubleQuoted << type.summary;
  if (type.kind == "layer") {
    out << YAML::Key << "bottoms" << YAML::Value << YAML::Flow
        << std::vector<int>{type.min_bottoms, type.max_bottoms};
  }
  if (type.kind == "layer" || type.kind == "source") {
    out << YAML::Key << "tops" << YAML::Value << YAML::Flow
        << std::vector<int>{type.min_tops, type.max_tops};
  }
  if (type.kind == "device") {
    out << YAML::Key << "score" << YAML::Value << type.score;
    out << YAML::Key << "is_host" << YAML::Value << type.is_host;
  }
  out << YAML::EndMap;
}

void write_schema(YAML::Emitter& out, const SchemaText& schema) {
  out << YAML::BeginMap;
  out << YAML::Key << "file" << YAML::Value << YAML::DoubleQuoted << schema.file;
  out << YAML::Key << "text" << YAML::Value
      << (fits_block(schema.text) ? YAML::Literal : YAML::DoubleQuoted) << schema.text;
  out << YAML::EndMap;
}

// Reads one file; all errors name their place in it.
class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {}

  [[noreturn]] void fail(const YAML::Node& node, const std::string& what) const {
    const YAML::Mark mark = node.Mark();
    if (mark.is_null()) base::fail_input({file_, 0, 0}, what);
    base::fail_input({file_, mark.line + 1, mark.column + 1}, what);
  }

  YAML::Node field(const YAML::Node& map, const char* name) const {
    if (!map.IsMap()) fail(map, "expected a group of fields");
    const YAML::Node value = map[name];
    if (!value) fail(map, fmt::format("the field '{}' is missing", name));
    return value;
  }

  template <class T>
  T scalar(const YAML::Node& map, const char* name, const char* expected) const {
    const YAML::Node value = field(map, name);
    try {
      return value.as<T>();
    } catch (const YAML::Exception&) {
      fail(value, fmt::format("the field '{}' must be {}", name, expected));
    }
  }
  std::string text(const YAML::Node& map, const char* name) const {
    return scalar<std::string>(map, name, "text");
  }
  template <class T>
  T number(const YAML::Node& map, const char* name) const {
    return scalar<T>(map, name, "a whole number");
  }

  YAML::Node list(const YAML::Node& map, const char* name) const {
    const YAML::Node value = field(map, name);
    if (!value.IsSequence()) fail(value, fmt::format("the field '{}' must be a list", name));
    return value;
  }

  void range(const YAML::Node& map, const char* name, std::int32_t* least,
             std::int32_t* most) const {
    const auto pair = scalar<std::vector<std::int32_t>>(map, name, "two whole numbers");
    if (pair.size() != 2) fail(map, fmt::format("the field '{}' must be two whole numbers", name));
    *least = pair[0];
    *most = pair[1];
  }

 private:
  std::string file_;
};

ProvidedType read_type(const Reader& reader, const YAML::Node& node) {
  ProvidedType type;
  type.interface_id = reader.text(node, "interface");
  type.kind = kind_of(type.interface_id);
  type.name = reader.text(node, "name");
  type.summary = reader.text(node, "summary");
  if (type.kind == "layer") reader.range(node, "bottoms", &type.min_bottoms, &type.max_bottoms);
  if (type.kind == "layer" || type.kind == "source") {
    reader.range(node, "tops", &type.min_tops, &type.max_tops);
  }
  if (type.kind == "device") {
    type.score = reader.number<std::int32_t>(node, "score");
    type.is_host = reader.scalar<bool>(node, "is_host", "true or false");
  }
  return type;
}

Manifest read_manifest(const Reader& reader, const YAML::Node& root) {
  if (reader.number<int>(root, "manifest") != kFormat) {
    reader.fail(root["manifest"], fmt::format("expected a manifest of format {}", kFormat));
  }
  Manifest manifest;
  manifest.id = reader.text(root, "id");
  manifest.version = reader.text(root, "version");
  const YAML::Node abi = reader.field(root, "abi");
  manifest.abi_major = reader.number<std::uint32_t>(abi, "major");
  manifest.abi_minor_built = reader.number<std::uint32_t>(abi, "built");
  manifest.abi_minor_required = reader.number<std::uint32_t>(abi, "required");
  manifest.needs_cpu = reader.text(root, "needs_cpu");
  manifest.needed =
      reader.scalar<std::vector<std::string>>(root, "needed", "a list of library names");
  manifest.sanitizer = reader.text(root, "sanitizer");
  const YAML::Node library = reader.field(root, "library");
  manifest.bytes = reader.number<std::uint64_t>(library, "bytes");
  manifest.sha256 = reader.text(library, "sha256");
  for (const YAML::Node& node : reader.list(root, "provided")) {
    manifest.provided.push_back(read_type(reader, node));
  }
  for (const YAML::Node& node : reader.list(root, "schemas")) {
    manifest.schemas.push_back({reader.text(node, "file"), reader.text(node, "text")});
  }
  return manifest;
}

}  // namespace

std::string to_yaml(const Manifest& manifest) {
  YAML::Emitter out;
  out << YAML::Comment("What " + manifest.file.filename().string() +
                       " is and provides. Written by `dlrun manifest`; dlrun ignores it when the "
                       "library has another content.");
  out << YAML::BeginMap;
  out << YAML::Key << "manifest" << YAML::Value << kFormat;
  out << YAML::Key << "id" << YAML::Value << YAML::DoubleQuoted << manifest.id;
  out << YAML::Key << "version" << YAML::Value << YAML::DoubleQuoted << manifest.version;
  out << YAML::Key << "abi" << YAML::Value << YAML::Flow << YAML::BeginMap;
  out << YAML::Key << "major" << YAML::Value << manifest.abi_major;
  out << YAML::Key << "built" << YAML::Value << manifest.abi_minor_built;
  out << YAML::Key << "required" << YAML::Value << manifest.abi_minor_required << YAML::EndMap;
  out << YAML::Key << "needs_cpu" << YAML::Value << YAML::DoubleQuoted << manifest.needs_cpu;
  out << YAML::Key << "needed" << YAML::Value << YAML::Flow << manifest.needed;
  out << YAML::Key << "sanitizer" << YAML::Value << manifest.sanitizer;
  out << YAML::Key << "library" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "file" << YAML::Value << YAML::DoubleQuoted
      << manifest.file.filename().string();
  out << YAML::Key << "bytes" << YAML::Value << manifest.bytes;
  out << YAML::Key << "sha256" << YAML::Value << manifest.sha256 << YAML::EndMap;
  out << YAML::Key << "provided" << YAML::Value << YAML::BeginSeq;
  for (const ProvidedType& type : manifest.provided)
    write_type(out, type);
  out << YAML::EndSeq;
  out << YAML::Key << "schemas" << YAML::Value << YAML::BeginSeq;
  for (const SchemaText& schema : manifest.schemas)
    write_schema(out, schema);
  out << YAML::EndSeq << YAML::EndMap << YAML::Newline;
  return out.c_str();
}

Manifest parse_manifest(const std::string& yaml, const std::string& yaml_file,
                        const std::filesystem::path& library) {
  YAML::Node root;
  try {
    root = YAML::Load(yaml);
  } catch (const YAML::Exception& error) {
    base::fail_input({yaml_file, error.mark.line + 1, error.mark.column + 1}, error.msg);
  }
  Manifest manifest = read_manifest(Reader(yaml_file), root);
  manifest.file = library;
  return manifest;
}

}  // namespace dlrun::registry
