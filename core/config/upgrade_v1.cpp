// Layers of the second generation: types are an enum, multipliers lie in lists beside the
// parameters.
#include <fmt/format.h>

#include <utility>

#include "core/base/suggest.hpp"
#include "core/config/caffe_formats.hpp"

namespace dlrun::config {
namespace {

// Lists of the layer whose i-th value is a field of its i-th parameter today.
const std::vector<std::pair<std::string, std::string>>& parameter_lists() {
  static const std::vector<std::pair<std::string, std::string>> lists = {
      {"param", "name"},
      {"blob_share_mode", "share_mode"},
      {"blobs_lr", "lr_mult"},
      {"weight_decay", "decay_mult"}};
  return lists;
}

std::string subject_of(const Value& layer) {
  return fmt::format("layer '{}': ", layer.text_of("name"));
}

// CONVOLUTION, or its number, becomes the type of today.
void upgrade_type(Value& layer) {
  Entry* entry = layer.find("type");
  if (entry == nullptr || !entry->value.is_scalar()) return;
  const std::string written = entry->value.text;
  std::vector<std::string> names;
  for (const V1Type& known : v1_types()) {
    names.push_back(known.name);
    if (written != known.name && written != std::to_string(known.number)) continue;
    entry->value = Value::scalar(Value::Form::kQuoted, known.type, entry->value.place);
    return;
  }
  for (const V1Type& known : v1_types()) {
    if (written != known.type) continue;
    base::fail_input(entry->value.place.location(),
                     fmt::format("{}within 'layers' the type is written {}; or write 'layer' for "
                                 "'layers' throughout",
                                 subject_of(layer), known.name));
  }
  base::fail_input(entry->value.place.location(),
                   fmt::format("{}unknown type '{}' in a net of the old format{}",
                               subject_of(layer), written, base::did_you_mean(written, names)));
}

void upgrade_parameter_lists(Value& layer) {
  std::vector<Entry> params;
  for (const auto& [list, field] : parameter_lists()) {
    std::vector<Entry> values = layer.take(list);
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i].value.is_map()) {
        base::fail_input(values[i].place.location(),
                         fmt::format("{}{}: found a group of parameters, which is how 'layer' has "
                                     "it; within 'layers' it is a plain value",
                                     subject_of(layer), list));
      }
      const Place& place = values[i].place;
      if (i == params.size()) params.push_back({"param", place, Value::map(place)});
      values[i].value.in_list = false;
      params[i].value.add(field, place, std::move(values[i].value));
    }
  }
  for (Entry& param : params)
    layer.entries.push_back(std::move(param));
}

// A name that is nearly one of the lists gets its own message: today's schema doesn't know them.
void check_list_names(const Value& layer) {
  std::vector<std::string> names;
  for (const auto& [list, field] : parameter_lists())
    names.push_back(list);
  for (const Entry& entry : layer.entries) {
    const std::string nearest = base::nearest_name(entry.name, names);
    const bool is_list = nearest == entry.name || nearest == "param";
    if (nearest.empty() || is_list || entry.name == "blobs") continue;
    base::fail_input(entry.place.location(),
                     fmt::format("{}unknown parameter '{}'; did you mean '{}'?", subject_of(layer),
                                 entry.name, nearest));
  }
}

}  // namespace

void upgrade_v1_layers(Value& net) {
  for (Entry* entry : net.all("layers")) {
    entry->name = "layer";
    if (!entry->value.is_map()) continue;
    check_list_names(entry->value);
    upgrade_type(entry->value);
    upgrade_parameter_lists(entry->value);
  }
}

}  // namespace dlrun::config
