// Layers of the first generation: a connection around a layer that has all parameters of all types.
#include <fmt/format.h>

#include <utility>

#include "core/base/suggest.hpp"
#include "core/config/caffe_formats.hpp"

namespace dlrun::config {
namespace {

// One `layers { layer { ... } bottom: ... top: ... }`.
struct Connection {
  Value* outer;
  Value* inner;  // null when the layer is of the second generation already

  std::string type() const { return inner == nullptr ? "" : inner->text_of("type"); }
  std::string subject() const { return fmt::format("layer '{}': ", inner->text_of("name")); }
};

std::vector<Connection> connections_of(Value& net) {
  std::vector<Connection> connections;
  for (Entry* entry : net.all("layers")) {
    if (!entry->value.is_map()) continue;
    Entry* inner = entry->value.find("layer");
    const bool old = inner != nullptr && inner->value.is_map();
    connections.push_back({&entry->value, old ? &inner->value : nullptr});
  }
  return connections;
}

// The pad of the padding layer goes to the layer that reads it, which then reads the padding's
// bottom.
void take_over_padding(Connection& reader, const Connection& padding, Entry& bottom) {
  if (reader.inner == nullptr || !takes_v0_padding(reader.type())) {
    base::fail_input(bottom.place.location(),
                     "the output of a padding layer goes to a layer that can't pad its input");
  }
  const Entry* pad = padding.inner->find("pad");
  const Entry* source = padding.outer->find("bottom");
  if (source == nullptr) {
    base::fail_input(padding.outer->place.location(), padding.subject() + "has no bottom");
  }
  if (pad != nullptr) {
    reader.inner->take("pad");
    reader.inner->entries.push_back(*pad);
  }
  bottom.value.text = source->value.text;
}

void fold_padding_layers(Value& net) {
  std::vector<Connection> connections = connections_of(net);
  for (size_t i = 0; i < connections.size(); ++i) {
    for (Entry* bottom : connections[i].outer->all("bottom")) {
      // The last layer before this one that writes the blob.
      for (size_t k = i; k-- > 0;) {
        if (connections[k].outer->text_of("top") != bottom->value.text) continue;
        if (is_v0_padding(connections[k].type())) {
          take_over_padding(connections[i], connections[k], *bottom);
        }
        break;
      }
    }
  }
  std::vector<Entry> kept;
  for (Entry& entry : net.entries) {
    const Entry* inner = entry.name == "layers" ? entry.value.find("layer") : nullptr;
    if (inner != nullptr && is_v0_padding(inner->value.text_of("type"))) continue;
    kept.push_back(std::move(entry));
  }
  net.entries = std::move(kept);
}

Value upgrade_type(const Connection& connection, const Entry& type) {
  const std::string written = connection.type();
  std::vector<std::string> names;
  for (const V0Type& known : v0_types()) {
    names.push_back(known.name);
    if (known.name == written) {
      return Value::scalar(Value::Form::kWord, known.v1_name, type.value.place);
    }
  }
  base::fail_input(type.value.place.location(),
                   fmt::format("{}unknown type '{}' in a net of the oldest format{}",
                               connection.subject(), written, base::did_you_mean(written, names)));
}

// Moves one parameter to where it belongs.
void place_field(const Connection& connection, Entry entry) {
  const std::string type = connection.type();
  std::vector<std::string> names;
  for (const V0Field& known : v0_fields()) {
    if (!known.v0_type.empty() && known.v0_type != type) continue;
    names.push_back(known.name);
    if (known.name != entry.name) continue;
    Value& target = known.message.empty() ? *connection.outer
                                          : connection.outer->map_at(known.message, entry.place);
    entry.name = known.field;
    target.entries.push_back(std::move(entry));
    return;
  }
  base::fail_input(entry.place.location(),
                   fmt::format("{}unknown parameter '{}' of type '{}'{}", connection.subject(),
                               entry.name, type, base::did_you_mean(entry.name, names)));
}

}  // namespace

void upgrade_v0_layers(Value& net) {
  fold_padding_layers(net);
  for (Entry* entry : net.all("layers")) {
    if (!entry->value.is_map()) continue;
    std::vector<Entry> inner = entry->value.take("layer");
    if (inner.empty()) continue;
    if (inner.size() > 1 || !inner[0].value.is_map()) {
      base::fail_input(inner.back().place.location(), "expected one group 'layer' within 'layers'");
    }
    const Connection connection{&entry->value, &inner[0].value};
    for (const Entry& field : inner[0].value.entries) {
      if (field.name == "type") {
        entry->value.add("type", field.place, upgrade_type(connection, field));
      } else {
        place_field(connection, field);
      }
    }
  }
}

}  // namespace dlrun::config
