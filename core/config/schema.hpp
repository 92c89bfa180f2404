// One schema for all configuration, composed at run time from core's own .proto text and the
// plugins' texts.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/message.h>

#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.hpp"

namespace dlrun::config {

// A .proto text of a plugin: messages, and `extend LayerParameter { ... }` (or another message of
// core's).
struct PluginSchema {
  std::string plugin_id;
  std::string file;  // named in errors
  std::string text;
};

// A name that a configuration uses, by kind: "layer", "source", "solver", "schedule", "filler", ...
// A layer's type is given twice, as a layer and as a source, because either kind may serve it.
struct UsedName {
  std::string kind;
  std::string name;
  base::Location where;
};

// What config asks of whoever knows the plugins (the registry; a fixed list in tests).
class SchemaSource {
 public:
  virtual ~SchemaSource() = default;
  // The schemas of the plugins that serve these names; names that nobody serves are left out.
  virtual std::vector<PluginSchema> schemas_for(const std::vector<UsedName>& used) = 0;
  // Every plugin's schema; asked for only to explain an unknown parameter.
  virtual std::vector<PluginSchema> all_schemas() = 0;
  virtual std::vector<std::string> known_names(const std::string& kind) = 0;
};

// Core's messages with the plugins' fields merged into them. Immutable; must outlive its messages.
class Schema {
 public:
  enum class OnTrouble {
    kFail,  // the first bad schema or clash of names throws
    kSkip,  // it is left out
  };
  static std::shared_ptr<const Schema> compose(const std::vector<PluginSchema>& plugins,
                                               OnTrouble on_trouble = OnTrouble::kFail);

  // A message type of core's by its short name ("LayerParameter"), which must exist.
  const google::protobuf::Descriptor& descriptor(const std::string& name) const;
  // A new, empty message of a type of core's.
  std::unique_ptr<google::protobuf::Message> make(const std::string& name) const;

  // The id of the plugin that added the field to a message of core's; "" for core's own fields.
  std::string provider(const google::protobuf::FieldDescriptor& field) const;

  // Whether the field's number was taken and it has a private one, which must not be written to a
  // file.
  static bool is_renumbered(const google::protobuf::FieldDescriptor& field);

 private:
  Schema() = default;

  google::protobuf::DescriptorPool pool_{google::protobuf::DescriptorPool::generated_pool()};
  mutable google::protobuf::DynamicMessageFactory factory_{&pool_};
  const google::protobuf::FileDescriptor* file_ = nullptr;
  std::map<std::string, std::string> providers_;  // "LayerParameter.swish_param" -> plugin id
};

// Validates a plugin's text alone: "" or what is wrong with it, as "file:line:column: ...".
std::string check_schema(const PluginSchema& plugin);

// What the custom options (dlrun.help), (dlrun.unit), (dlrun.min), (dlrun.max) say about a field.
struct FieldNotes {
  std::string help;
  std::string unit;
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};
FieldNotes notes_of(const google::protobuf::FieldDescriptor& field);

}  // namespace dlrun::config
