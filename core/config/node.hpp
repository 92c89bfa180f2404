// A read view of one message of a configuration: typed getters by field name, and the place in the
// file.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.hpp"
#include "core/config/place.hpp"

namespace dlrun::config {

class Document;

// Cheap to copy; keeps its document alive. Getters give the schema's default for a field that is
// not set. A field that the message doesn't have, of another type, or an index past the end throws
// base::Error.
class Node {
 public:
  Node() = default;  // no message: only operator bool may be called
  Node(std::shared_ptr<const Document> document, const google::protobuf::Message& message,
       const google::protobuf::Message* layer, Place place);

  explicit operator bool() const { return message_ != nullptr; }

  bool knows(std::string_view field) const;  // the message type has such a field
  bool is_message(std::string_view field) const;
  bool has(std::string_view field) const;   // it is set (repeated: not empty)
  int count(std::string_view field) const;  // values of a repeated field; 0 or 1 of a singular one

  double number(std::string_view field, int index = 0) const;    // any numeric type
  int64_t integer(std::string_view field, int index = 0) const;  // any integer type, or bool
  bool boolean(std::string_view field, int index = 0) const;
  std::string text(std::string_view field,
                   int index = 0) const;                      // a string, bytes, or an enum's name
  Node message(std::string_view field, int index = 0) const;  // an empty one when not set
  std::vector<Node> messages(std::string_view field) const;

  // The names of the fields that are set, in the schema's order.
  std::vector<std::string> fields_set() const;

  // Where the message, or one value of it, was written; a value not set has the message's place.
  base::Location where() const { return place_.location(); }
  base::Location where(std::string_view field, int index = 0) const;

  // "layer 'conv1': " when this is a layer or lies within one, else "".
  std::string subject() const;
  // Throws an Error at the value's place: "lenet.yaml:14:9: layer 'conv1': <what>".
  [[noreturn]] void fail(std::string_view what) const;
  [[noreturn]] void fail(std::string_view field, std::string_view what, int index = 0) const;

  std::string type_name() const;  // "ConvolutionParameter"
  const google::protobuf::Message& proto() const { return *message_; }
  const std::shared_ptr<const Document>& document() const { return document_; }

 private:
  const google::protobuf::FieldDescriptor* find(std::string_view field) const;
  const google::protobuf::FieldDescriptor& get(std::string_view field, int index) const;
  [[noreturn]] void fail_type(const google::protobuf::FieldDescriptor& field,
                              const char* asked) const;

  std::shared_ptr<const Document> document_;
  const google::protobuf::Message* message_ = nullptr;
  const google::protobuf::Message* layer_ = nullptr;  // the LayerParameter that it lies in, or null
  Place place_;
};

// The message as prototxt, as resolved (upgraded, overridden).
std::string to_prototxt(const Node& node);

// The names of plugins that the message and all it contains use, each once, with its first place.
struct UsedName;
std::vector<UsedName> used_names(const Node& node);

}  // namespace dlrun::config
