// One .proto text, parsed and validated alone: the unit that schemas are composed of. Used by
// config only.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <string>
#include <vector>

#include "core/config/schema.hpp"

namespace dlrun::config {

// Core's own messages, unbuilt and built.
struct CoreSchema {
  CoreSchema();

  google::protobuf::FileDescriptorProto proto;
  google::protobuf::DescriptorPool pool{google::protobuf::DescriptorPool::generated_pool()};
};

// A validated plugin schema. Its messages are nested in one message that stands for the plugin's
// package, so that they can share a file with core's messages, which refer to them.
struct PluginPart {
  const PluginSchema* source = nullptr;
  const google::protobuf::Descriptor* package = nullptr;
  // The fields that it adds to messages of core's: (LayerParameter, swish_param).
  struct Extension {
    std::string target;
    const google::protobuf::FieldDescriptor* field;
  };
  std::vector<Extension> extensions;
};

// Throws base::Error, located in the text, when the schema is no good by itself. It is built in
// `pool`, which lies on top of core's and must outlive the part; `package` must be unique there.
PluginPart parse_plugin_schema(const PluginSchema& plugin, const std::string& package,
                               const CoreSchema& core, google::protobuf::DescriptorPool& pool);

// "plugin_com_acme_swish", a name for the message that stands for a plugin's package.
std::string package_name(const std::string& plugin_id);

// All that a field means, as text that doesn't depend on the package: equal texts are the same
// declaration.
std::string declaration(const google::protobuf::FieldDescriptor& field,
                        const google::protobuf::Descriptor& package);

}  // namespace dlrun::config
