#include "core/config/node.hpp"

#include <fmt/format.h>
#include <google/protobuf/text_format.h>

#include <limits>
#include <utility>

#include "core/base/suggest.hpp"
#include "core/config/document.hpp"

namespace dlrun::config {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;

constexpr char kLayerType[] = "LayerParameter";

std::string string_field(const pb::Message& message, const char* name) {
  const Field* field = message.GetDescriptor()->FindFieldByName(name);
  return message.GetReflection()->GetString(message, field);
}

}  // namespace

Node::Node(std::shared_ptr<const Document> document, const pb::Message& message,
           const pb::Message* layer, Place place)
    : document_(std::move(document)), message_(&message), layer_(layer), place_(std::move(place)) {
  if (message.GetDescriptor()->name() == kLayerType) layer_ = &message;
}

const Field* Node::find(std::string_view field) const {
  return message_->GetDescriptor()->FindFieldByName(std::string(field));
}

const Field& Node::get(std::string_view name, int index) const {
  const Field* field = find(name);
  if (field == nullptr) {
    const pb::Descriptor& type = *message_->GetDescriptor();
    std::vector<std::string> names;
    for (int i = 0; i < type.field_count(); ++i)
      names.push_back(type.field(i)->name());
    fail(fmt::format("a plugin asked for '{}', which {} doesn't have{}", name, type.name(),
                     base::did_you_mean(name, names)));
  }
  const int size =
      field->is_repeated() ? message_->GetReflection()->FieldSize(*message_, field) : 1;
  if (index < 0 || index >= size) {
    fail(fmt::format("value {} of '{}' is needed, but it has {}", index + 1, name, size));
  }
  return *field;
}

void Node::fail_type(const Field& field, const char* asked) const {
  fail(fmt::format("a plugin asked for '{}' as {}, but it is {}", field.name(), asked,
                   field.type_name()));
}

bool Node::knows(std::string_view field) const {
  return find(field) != nullptr;
}

bool Node::is_message(std::string_view name) const {
  const Field* field = find(name);
  return field != nullptr && field->cpp_type() == Field::CPPTYPE_MESSAGE;
}

bool Node::has(std::string_view field) const {
  return count(field) > 0;
}

int Node::count(std::string_view name) const {
  const Field* field = find(name);
  if (field == nullptr) get(name, 0);  // reports it
  const pb::Reflection& reflection = *message_->GetReflection();
  if (field->is_repeated()) return reflection.FieldSize(*message_, field);
  return reflection.HasField(*message_, field) ? 1 : 0;
}

double Node::number(std::string_view name, int index) const {
  const Field& field = get(name, index);
  const pb::Reflection& r = *message_->GetReflection();
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
    case Field::CPPTYPE_FLOAT:
      return repeated ? r.GetRepeatedFloat(*message_, &field, index)
                      : r.GetFloat(*message_, &field);
    case Field::CPPTYPE_DOUBLE:
      return repeated ? r.GetRepeatedDouble(*message_, &field, index)
                      : r.GetDouble(*message_, &field);
    case Field::CPPTYPE_INT32:
    case Field::CPPTYPE_INT64:
    case Field::CPPTYPE_UINT32:
    case Field::CPPTYPE_UINT64:
      return static_cast<double>(integer(name, index));
    default:
      fail_type(field, "a number");
  }
}

int64_t Node::integer(std::string_view name, int index) const {
  const Field& field = get(name, index);
  const pb::Reflection& r = *message_->GetReflection();
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
    case Field::CPPTYPE_BOOL:
      return repeated ? r.GetRepeatedBool(*message_, &field, index) : r.GetBool(*message_, &field);
    case Field::CPPTYPE_INT32:
      return repeated ? r.GetRepeatedInt32(*message_, &field, index)
                      : r.GetInt32(*message_, &field);
    case Field::CPPTYPE_INT64:
      return repeated ? r.GetRepeatedInt64(*message_, &field, index)
                      : r.GetInt64(*message_, &field);
    case Field::CPPTYPE_UINT32:
      return repeated ? r.GetRepeatedUInt32(*message_, &field, index)
                      : r.GetUInt32(*message_, &field);
    case Field::CPPTYPE_UINT64: {
      const uint64_t value =
          repeated ? r.GetRepeatedUInt64(*message_, &field, index) : r.GetUInt64(*message_, &field);
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        fail(name, fmt::format("{} is too large: {}", name, value), index);
      }
      return static_cast<int64_t>(value);
    }
    default:
      fail_type(field, "a whole number");
  }
}

bool Node::boolean(std::string_view name, int index) const {
  const Field& field = get(name, index);
  if (field.cpp_type() != Field::CPPTYPE_BOOL) fail_type(field, "true or false");
  const pb::Reflection& r = *message_->GetReflection();
  return field.is_repeated() ? r.GetRepeatedBool(*message_, &field, index)
                             : r.GetBool(*message_, &field);
}

std::string Node::text(std::string_view name, int index) const {
  const Field& field = get(name, index);
  const pb::Reflection& r = *message_->GetReflection();
  const bool repeated = field.is_repeated();
  if (field.cpp_type() == Field::CPPTYPE_ENUM) {
    return (repeated ? r.GetRepeatedEnum(*message_, &field, index) : r.GetEnum(*message_, &field))
        ->name();
  }
  if (field.cpp_type() != Field::CPPTYPE_STRING) fail_type(field, "a text");
  return repeated ? r.GetRepeatedString(*message_, &field, index) : r.GetString(*message_, &field);
}

Node Node::message(std::string_view name, int index) const {
  const Field& field = get(name, index);
  if (field.cpp_type() != Field::CPPTYPE_MESSAGE) fail_type(field, "a message");
  const pb::Reflection& r = *message_->GetReflection();
  const pb::Message& child = field.is_repeated() ? r.GetRepeatedMessage(*message_, &field, index)
                                                 : r.GetMessage(*message_, &field);
  const Place* place = document_->place_of(*message_, field.number(), index);
  return Node(document_, child, layer_, place == nullptr ? place_ : *place);
}

std::vector<Node> Node::messages(std::string_view name) const {
  std::vector<Node> nodes;
  const int size = count(name);
  for (int i = 0; i < size; ++i)
    nodes.push_back(message(name, i));
  return nodes;
}

std::vector<std::string> Node::fields_set() const {
  const pb::Descriptor& type = *message_->GetDescriptor();
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) {
    if (has(type.field(i)->name())) names.push_back(type.field(i)->name());
  }
  return names;
}

base::Location Node::where(std::string_view name, int index) const {
  const Field* field = find(name);
  const Place* place =
      field == nullptr ? nullptr : document_->place_of(*message_, field->number(), index);
  return place == nullptr ? place_.location() : place->location();
}

std::string Node::subject() const {
  if (layer_ == nullptr) return {};
  const std::string name = string_field(*layer_, "name");
  if (!name.empty()) return fmt::format("layer '{}': ", name);
  return fmt::format("{} layer without a name: ", string_field(*layer_, "type"));
}

void Node::fail(std::string_view what) const {
  base::fail_input(place_.location(), subject().append(what));
}

void Node::fail(std::string_view field, std::string_view what, int index) const {
  base::fail_input(where(field, index), subject().append(what));
}

std::string Node::type_name() const {
  return message_->GetDescriptor()->name();
}

std::string to_prototxt(const Node& node) {
  std::string text;
  pb::TextFormat::PrintToString(node.proto(), &text);
  return text;
}

}  // namespace dlrun::config
