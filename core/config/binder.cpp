#include "core/config/binder.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/base/suggest.hpp"
#include "core/config/scalar.hpp"

namespace dlrun::config {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;

constexpr char kLayerType[] = "LayerParameter";

// "what was found" in words.
std::string found(const Value& value) {
  switch (value.form) {
    case Value::Form::kMap:
      return "found a group of parameters";
    case Value::Form::kNothing:
      return "found nothing";
    case Value::Form::kEmptyList:
      return "found an empty list";
    case Value::Form::kQuoted:
      return fmt::format("found \"{}\"", value.text);
    default:
      return fmt::format("found {}", value.text);
  }
}

std::string expected(const Field& field) {
  switch (field.cpp_type()) {
    case Field::CPPTYPE_INT32:
    case Field::CPPTYPE_INT64:
    case Field::CPPTYPE_UINT32:
    case Field::CPPTYPE_UINT64:
      return "a whole number";
    case Field::CPPTYPE_FLOAT:
    case Field::CPPTYPE_DOUBLE:
      return "a number";
    case Field::CPPTYPE_BOOL:
      return "true or false";
    case Field::CPPTYPE_STRING:
      return "a text in quotes";
    case Field::CPPTYPE_MESSAGE:
      return "a group of parameters";
    case Field::CPPTYPE_ENUM:
      break;
  }
  const pb::EnumDescriptor& type = *field.enum_type();
  std::string names;
  for (int i = 0; i < type.value_count(); ++i) {
    if (i > 0) names += i + 1 == type.value_count() ? " or " : ", ";
    names += type.value(i)->name();
  }
  return names;
}

std::string describe_layer(const Value& layer) {
  const std::string name = layer.text_of("name");
  if (!name.empty()) return fmt::format("layer '{}': ", name);
  const std::string type = layer.text_of("type");
  return type.empty() ? "layer without a name: " : fmt::format("{} layer without a name: ", type);
}

class Binder {
 public:
  explicit Binder(Document& document) : document_(document) {}

  void bind_message(const Value& map, pb::Message& message) {
    for (const Entry& entry : map.entries) {
      const Field* field = message.GetDescriptor()->FindFieldByName(entry.name);
      if (field == nullptr) {
        throw UnknownField{message.GetDescriptor(), entry.name, entry.place, subject_, layer_};
      }
      bind_entry(*field, entry, message);
    }
    check_required(map, message);
  }

 private:
  [[noreturn]] void fail(const Place& place, const std::string& message) const {
    base::fail_input(place.location(), subject_ + message);
  }
  [[noreturn]] void fail_expected(const Field& field, const Value& value) const {
    fail(value.place,
         fmt::format("{}: {}, expected {}", field.name(), found(value), expected(field)));
  }

  void bind_entry(const Field& field, const Entry& entry, pb::Message& message) {
    const pb::Reflection& reflection = *message.GetReflection();
    const Value& value = entry.value;
    if (!field.is_repeated()) {
      if (value.in_list || value.form == Value::Form::kEmptyList) {
        fail(entry.place, fmt::format("{}: found a list, expected one value", field.name()));
      }
      if (reflection.HasField(message, &field)) {
        fail(entry.place, fmt::format("'{}' is given twice", field.name()));
      }
    }
    if (value.form == Value::Form::kEmptyList) return;

    const int index = field.is_repeated() ? reflection.FieldSize(message, &field) : 0;
    if (field.cpp_type() == Field::CPPTYPE_MESSAGE) {
      document_.set_place(message, field.number(), index, entry.place);
      bind_child(field, entry, message);
    } else {
      document_.set_place(message, field.number(), index, value.place);
      bind_scalar(field, value, message);
    }
  }

  void bind_child(const Field& field, const Entry& entry, pb::Message& message) {
    // A YAML key with nothing behind it is a message with nothing set.
    if (!entry.value.is_map() && entry.value.form != Value::Form::kNothing) {
      fail_expected(field, entry.value);
    }
    const pb::Reflection& reflection = *message.GetReflection();
    pb::Message& child = field.is_repeated() ? *reflection.AddMessage(&message, &field)
                                             : *reflection.MutableMessage(&message, &field);
    const bool is_layer = field.message_type()->name() == kLayerType;
    if (is_layer) {
      subject_ = describe_layer(entry.value);
      layer_ = &entry.value;
    }
    bind_message(entry.value, child);
    if (is_layer) {
      subject_.clear();
      layer_ = nullptr;
    }
  }

  void bind_scalar(const Field& field, const Value& value, pb::Message& message) {
    if (!value.is_scalar()) fail_expected(field, value);
    const bool quoted = value.form == Value::Form::kQuoted;
    switch (field.cpp_type()) {
      case Field::CPPTYPE_STRING:
        if (value.form == Value::Form::kWord) fail_expected(field, value);
        store(field, message, value.text, &pb::Reflection::SetString, &pb::Reflection::AddString);
        return;
      case Field::CPPTYPE_ENUM:
        bind_enum(field, value, message);
        return;
      default:
        if (quoted) fail_expected(field, value);
    }
    switch (field.cpp_type()) {
      case Field::CPPTYPE_BOOL: {
        const std::optional<bool> parsed = parse_boolean(value.text);
        if (!parsed) fail_expected(field, value);
        store(field, message, *parsed, &pb::Reflection::SetBool, &pb::Reflection::AddBool);
        return;
      }
      case Field::CPPTYPE_FLOAT:
      case Field::CPPTYPE_DOUBLE:
        bind_number(field, value, message);
        return;
      default:
        bind_integer(field, value, message);
    }
  }

  void bind_enum(const Field& field, const Value& value, pb::Message& message) {
    const pb::EnumDescriptor& type = *field.enum_type();
    const pb::EnumValueDescriptor* named = type.FindValueByName(value.text);
    if (named == nullptr && value.form != Value::Form::kQuoted) {
      const std::optional<Integer> number = parse_integer(value.text);
      if (number && number->magnitude <= std::numeric_limits<int>::max()) {
        const int magnitude = static_cast<int>(number->magnitude);
        named = type.FindValueByNumber(number->negative ? -magnitude : magnitude);
      }
    }
    if (named == nullptr) {
      std::vector<std::string> names;
      for (int i = 0; i < type.value_count(); ++i)
        names.push_back(type.value(i)->name());
      fail(value.place, fmt::format("{}: {}, expected {}{}", field.name(), found(value),
                                    expected(field), base::did_you_mean(value.text, names)));
    }
    store(field, message, named, &pb::Reflection::SetEnum, &pb::Reflection::AddEnum);
  }

  void bind_number(const Field& field, const Value& value, pb::Message& message) {
    const std::optional<double> parsed = parse_number(value.text);
    if (!parsed) fail_expected(field, value);
    check_notes(field, value, *parsed);
    if (field.cpp_type() == Field::CPPTYPE_DOUBLE) {
      store(field, message, *parsed, &pb::Reflection::SetDouble, &pb::Reflection::AddDouble);
      return;
    }
    const float narrow = static_cast<float>(*parsed);
    if (std::isinf(narrow) && !std::isinf(*parsed)) {
      fail(value.place,
           fmt::format("{}: {} is too large for a 32-bit float", field.name(), value.text));
    }
    store(field, message, narrow, &pb::Reflection::SetFloat, &pb::Reflection::AddFloat);
  }

  void bind_integer(const Field& field, const Value& value, pb::Message& message) {
    using R = pb::Reflection;
    const std::optional<Integer> parsed = parse_integer(value.text);
    if (!parsed) fail_expected(field, value);
    switch (field.cpp_type()) {
      case Field::CPPTYPE_INT32:
        store(field, message, narrow<int32_t>(field, value, *parsed), &R::SetInt32, &R::AddInt32);
        return;
      case Field::CPPTYPE_UINT32:
        store(field, message, narrow<uint32_t>(field, value, *parsed), &R::SetUInt32,
              &R::AddUInt32);
        return;
      case Field::CPPTYPE_INT64:
        store(field, message, narrow<int64_t>(field, value, *parsed), &R::SetInt64, &R::AddInt64);
        return;
      default:
        store(field, message, narrow<uint64_t>(field, value, *parsed), &R::SetUInt64,
              &R::AddUInt64);
    }
  }

  // The integer as the field's type; an error when it doesn't fit, or the field's own limits forbid
  // it.
  template <typename T>
  T narrow(const Field& field, const Value& value, const Integer& parsed) const {
    constexpr uint64_t kMost = std::numeric_limits<T>::max();
    const uint64_t limit = !parsed.negative ? kMost : std::is_signed_v<T> ? kMost + 1 : 0;
    if (parsed.magnitude > limit) {
      fail(value.place, fmt::format("{}: {} is out of range, expected {} to {}", field.name(),
                                    value.text, std::numeric_limits<T>::min(), kMost));
    }
    const double number = static_cast<double>(parsed.magnitude);
    check_notes(field, value, parsed.negative ? -number : number);
    return static_cast<T>(parsed.negative ? ~parsed.magnitude + 1 : parsed.magnitude);
  }

  // The limits that the schema states, (dlrun.min) and (dlrun.max).
  void check_notes(const Field& field, const Value& value, double number) const {
    const FieldNotes notes = notes_of(field);
    if (number >= notes.min && number <= notes.max) return;
    if (std::isinf(notes.min) && std::isinf(notes.max)) return;
    const std::string range = std::isinf(notes.max) ? fmt::format("at least {}", notes.min)
                              : std::isinf(notes.min)
                                  ? fmt::format("at most {}", notes.max)
                                  : fmt::format("{} to {}", notes.min, notes.max);
    fail(value.place, fmt::format("{}: found {}, expected {}{}", field.name(), value.text, range,
                                  notes.unit.empty() ? "" : " " + notes.unit));
  }

  template <typename T, typename Set, typename Add>
  static void store(const Field& field, pb::Message& message, const T& value, Set set, Add add) {
    const pb::Reflection* reflection = message.GetReflection();
    if (field.is_repeated()) {
      (reflection->*add)(&message, &field, value);
    } else {
      (reflection->*set)(&message, &field, value);
    }
  }

  void check_required(const Value& map, const pb::Message& message) const {
    const pb::Descriptor& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const Field& field = *type.field(i);
      if (!field.is_required() || message.GetReflection()->HasField(message, &field)) continue;
      fail(map.place, fmt::format("{} needs '{}', {}", type.name(), field.name(), expected(field)));
    }
  }

  Document& document_;
  std::string subject_;
  const Value* layer_ = nullptr;
};

}  // namespace

void fill_document(Document& document, const Value& root) {
  document.set_root_place(root.place);
  Binder(document).bind_message(root, document.mutable_root());
}

}  // namespace dlrun::config
