// Parses a .proto text with protobuf's own parser and checks it in a pool of its own on top of
// core's.
#include "core/config/schema_text.hpp"

#include <fmt/format.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "core/base/suggest.hpp"
#include "core/config/caffe_formats.hpp"

namespace dlrun::config {

extern const char core_proto_text[];  // core.proto, embedded by the build

namespace {

namespace pb = google::protobuf;

constexpr char kSyntaxLine[] = "syntax = \"proto2\"; ";
constexpr int kSyntaxLineSize = sizeof(kSyntaxLine) - 1;

// Keeps the first error of a tokenizer or parser.
class TextErrors : public pb::io::ErrorCollector {
 public:
  void AddError(int line, pb::io::ColumnNumber column, const std::string& message) override {
    if (!this->message.empty()) return;
    where.line = line + 1;
    where.column = column + 1;
    this->message = message;
  }
  base::Location where;
  std::string message;
};

// Keeps the first error of a pool.
class PoolErrors : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string&, const std::string& element, const pb::Message* descriptor,
                ErrorLocation location, const std::string& message) override {
    if (!this->message.empty()) return;
    this->element = element;
    this->descriptor = descriptor;
    this->location = location;
    this->message = message;
  }
  std::string element;
  const pb::Message* descriptor = nullptr;
  ErrorLocation location = OTHER;
  std::string message;
};

bool starts_with_syntax(const std::string& text) {
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  TextErrors errors;
  pb::io::Tokenizer tokenizer(&stream, &errors);
  return tokenizer.Next() && tokenizer.current().text == "syntax";
}

// Parses `text`; `locations` learns where each declaration stands.
pb::FileDescriptorProto parse_text(const std::string& text, const std::string& file,
                                   pb::compiler::SourceLocationTable& locations,
                                   int& first_line_shift) {
  // The parser warns on stderr about a text without a syntax line.
  const bool complete = starts_with_syntax(text);
  const std::string whole = complete ? text : kSyntaxLine + text;
  first_line_shift = complete ? 0 : kSyntaxLineSize;

  pb::io::ArrayInputStream stream(whole.data(), static_cast<int>(whole.size()));
  TextErrors errors;
  pb::io::Tokenizer tokenizer(&stream, &errors);
  pb::compiler::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.RecordSourceLocationsTo(&locations);
  pb::FileDescriptorProto proto;
  const bool parsed = parser.Parse(&tokenizer, &proto);
  if (!parsed || !errors.message.empty()) {
    base::Location where{file, errors.where.line, errors.where.column};
    if (where.line == 1) where.column = std::max(1, where.column - first_line_shift);
    base::fail_input(where, errors.message);
  }
  proto.set_name(file);
  return proto;
}

// What a plugin's text may not contain, beyond what protobuf itself refuses.
void check_statements(const pb::FileDescriptorProto& proto, const base::Location& where) {
  if (proto.syntax() != "" && proto.syntax() != "proto2") {
    base::fail_input(where, fmt::format("syntax is \"{}\", expected \"proto2\"", proto.syntax()));
  }
  if (proto.enum_type_size() > 0) {
    base::fail_input(where, fmt::format("enum '{}' stands outside a message; move it into the one "
                                        "that uses it",
                                        proto.enum_type(0).name()));
  }
  if (proto.service_size() > 0) base::fail_input(where, "services are not allowed here");
  for (const pb::DescriptorProto& message : proto.message_type()) {
    if (message.extension_size() == 0) continue;
    base::fail_input(
        where,
        fmt::format("message '{}' contains an extend; move it out of the message", message.name()));
  }
}

// "LayerParameter" of "LayerParameter", "dlrun.LayerParameter" or ".dlrun.LayerParameter".
std::string target_name(std::string extendee) {
  for (const char* prefix : {".dlrun.", "dlrun."}) {
    if (extendee.rfind(prefix, 0) == 0) return extendee.substr(std::string(prefix).size());
  }
  return extendee;
}

void check_target(const std::string& target, const pb::FileDescriptorProto& core,
                  const base::Location& where) {
  std::vector<std::string> names;
  for (const pb::DescriptorProto& message : core.message_type())
    names.push_back(message.name());
  if (std::find(names.begin(), names.end(), target) != names.end()) return;
  base::fail_input(where, fmt::format("extends '{}', which is not a message of dlrun's{}", target,
                                      base::did_you_mean(target, names)));
}

void check_extensions(const pb::FileDescriptorProto& proto, const pb::FileDescriptorProto& core,
                      const base::Location& where) {
  for (const pb::FieldDescriptorProto& field : proto.extension()) {
    check_target(target_name(field.extendee()), core, where);
    if (field.label() == pb::FieldDescriptorProto::LABEL_REQUIRED) {
      base::fail_input(where, fmt::format("'{}' is required, which would make it so for everyone; "
                                          "write 'optional'",
                                          field.name()));
    }
  }
}

// The message of that name within `parent`, made when there is none yet.
pb::DescriptorProto& nested_message(pb::DescriptorProto& parent, const std::string& name) {
  for (pb::DescriptorProto& nested : *parent.mutable_nested_type()) {
    if (nested.name() == name) return nested;
  }
  pb::DescriptorProto& added = *parent.add_nested_type();
  added.set_name(name);
  return added;
}

// Moves the messages of `parsed` into one, and its extensions into messages named after their
// targets. Moving keeps the addresses, which the table of locations knows them by.
pb::FileDescriptorProto nest_in_package(pb::FileDescriptorProto& parsed, const std::string& package,
                                        const CoreSchema& core, const base::Location& where) {
  pb::FileDescriptorProto file;
  file.set_name(where.file + " of " + package);
  file.set_package(core.proto.package());
  file.add_dependency(core.proto.name());
  pb::DescriptorProto& space = *file.add_message_type();
  space.set_name(package);

  std::vector<pb::DescriptorProto*> messages(parsed.message_type_size());
  parsed.mutable_message_type()->ExtractSubrange(0, parsed.message_type_size(), messages.data());
  for (pb::DescriptorProto* message : messages)
    space.mutable_nested_type()->AddAllocated(message);

  pb::DescriptorProto& extended = *space.add_nested_type();
  extended.set_name("extend");
  std::vector<pb::FieldDescriptorProto*> fields(parsed.extension_size());
  parsed.mutable_extension()->ExtractSubrange(0, parsed.extension_size(), fields.data());
  for (pb::FieldDescriptorProto* field : fields) {
    const std::string target = target_name(field->extendee());
    field->clear_extendee();
    nested_message(extended, target).mutable_field()->AddAllocated(field);
  }
  return file;
}

std::string without(std::string text, const std::string& part) {
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at)) {
    text.erase(at, part.size());
  }
  return text;
}

}  // namespace

CoreSchema::CoreSchema() {
  pb::compiler::SourceLocationTable locations;
  int shift = 0;
  proto = parse_text(core_proto_text, "dlrun/core.proto", locations, shift);
  add_format_defaults(proto);
  PoolErrors errors;
  const pb::FileDescriptor* built = pool.BuildFileCollectingErrors(proto, &errors);
  if (built == nullptr) base::fail_work({proto.name()}, errors.element + ": " + errors.message);
  proto.Clear();  // take it back with its names and options resolved
  built->CopyTo(&proto);
}

PluginPart parse_plugin_schema(const PluginSchema& plugin, const std::string& package,
                               const CoreSchema& core, pb::DescriptorPool& pool) {
  const base::Location file{plugin.file};
  pb::compiler::SourceLocationTable locations;
  int first_line_shift = 0;
  pb::FileDescriptorProto parsed =
      parse_text(plugin.text, plugin.file, locations, first_line_shift);
  check_statements(parsed, file);
  check_extensions(parsed, core.proto, file);
  const pb::FileDescriptorProto nested = nest_in_package(parsed, package, core, file);

  PluginPart part;
  part.source = &plugin;
  PoolErrors errors;
  const pb::FileDescriptor* built = pool.BuildFileCollectingErrors(nested, &errors);
  if (built == nullptr) {
    base::Location where = file;
    if (locations.Find(errors.descriptor, errors.location, &where.line, &where.column)) {
      where.column += where.line == 0 ? 1 - first_line_shift : 1;
      where.line += 1;
    }
    const std::string prefix = core.proto.package() + "." + package + ".";
    base::fail_input(where, without(errors.element + ": " + errors.message, prefix));
  }
  part.package = built->message_type(0);
  const pb::Descriptor* extended = part.package->FindNestedTypeByName("extend");
  for (int i = 0; i < extended->nested_type_count(); ++i) {
    const pb::Descriptor* target = extended->nested_type(i);
    for (int k = 0; k < target->field_count(); ++k) {
      part.extensions.push_back({target->name(), target->field(k)});
    }
  }
  return part;
}

std::string package_name(const std::string& plugin_id) {
  std::string name = "plugin_" + plugin_id;
  for (char& letter : name) {
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  }
  return name;
}

std::string declaration(const pb::FieldDescriptor& field, const pb::Descriptor& package) {
  std::string text = field.DebugString();
  std::set<std::string> seen;
  std::vector<const pb::FieldDescriptor*> open = {&field};
  while (!open.empty()) {
    const pb::FieldDescriptor* next = open.back();
    open.pop_back();
    const pb::Descriptor* type = next->message_type();
    if (next->enum_type() != nullptr) type = next->enum_type()->containing_type();
    if (type == nullptr || type->file() != package.file()) continue;
    if (!seen.insert(type->full_name()).second) continue;
    text += type->DebugString();
    for (int i = 0; i < type->field_count(); ++i)
      open.push_back(type->field(i));
  }
  return without(text, package.full_name() + ".");
}

}  // namespace dlrun::config
