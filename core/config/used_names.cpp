// The names of plugins that a configuration uses: in a value, before there is a schema, and in a
// node.
#include <algorithm>
#include <utility>

#include "core/config/caffe_formats.hpp"
#include "core/config/job_files.hpp"
#include "core/config/node.hpp"

namespace dlrun::config {
namespace {

void add_name(std::vector<UsedName>& names, const char* kind, const Entry* entry) {
  if (entry == nullptr || !entry->value.is_scalar()) return;
  names.push_back({kind, entry->value.text, entry->value.place.location()});
}

// A filler is a group with a type, wherever a layer has one.
void add_fillers(std::vector<UsedName>& names, const Value& map) {
  for (const Entry& entry : map.entries) {
    if (!entry.value.is_map()) continue;
    add_name(names, "filler", entry.value.find("type"));
    add_fillers(names, entry.value);
  }
}

// A transform is used under the name of the layer's field that configures it: any group may be one.
void add_transforms(std::vector<UsedName>& names, const Value& layer) {
  for (const Entry& entry : layer.entries) {
    if (entry.value.is_map()) names.push_back({"transform", entry.name, entry.place.location()});
  }
}

void add_once(std::vector<UsedName>& names, const char* kind, const Node& node, const char* field) {
  UsedName used{kind, node.text(field), node.where(field)};
  const bool known = std::any_of(names.begin(), names.end(), [&](const UsedName& other) {
    return other.kind == used.kind && other.name == used.name;
  });
  if (!known && !used.name.empty()) names.push_back(std::move(used));
}

void add_names_within(std::vector<UsedName>& names, const Node& node) {
  if (node.type_name() == "LayerParameter") {
    add_once(names, "layer", node, "type");
    add_once(names, "source", node, "type");
  } else if (node.type_name() == "SolverParameter") {
    add_once(names, "solver", node, "type");
    add_once(names, "schedule", node, "lr_policy");
  } else if (node.type_name() == "FillerParameter") {
    add_once(names, "filler", node, "type");
  }
  for (const std::string& field : node.fields_set()) {
    if (!node.is_message(field)) continue;
    for (const Node& child : node.messages(field))
      add_names_within(names, child);
  }
}

}  // namespace

std::vector<UsedName> used_names(const Value& root) {
  std::vector<UsedName> names;
  if (const Entry* solver = root.find("solver")) {
    if (solver->value.has("type")) {
      add_name(names, "solver", solver->value.find("type"));
    } else {
      names.push_back({"solver", default_solver_type(), solver->place.location()});
    }
    add_name(names, "schedule", solver->value.find("lr_policy"));
  }
  for (const char* field : {"net", "train_net", "test_net"}) {
    for (const Entry* net : root.all(field)) {
      for (const Entry* layer : net->value.all("layer")) {
        add_name(names, "layer", layer->value.find("type"));
        add_name(names, "source", layer->value.find("type"));
        add_fillers(names, layer->value);
        add_transforms(names, layer->value);
      }
    }
  }
  return names;
}

std::vector<UsedName> used_names(const Node& node) {
  std::vector<UsedName> names;
  add_names_within(names, node);
  return names;
}

}  // namespace dlrun::config
