#include "core/config/value.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace dlrun::config {

Value Value::map(const Place& place) {
  Value value;
  value.form = Form::kMap;
  value.place = place;
  return value;
}

Value Value::scalar(Form form, std::string text, const Place& place) {
  Value value;
  value.form = form;
  value.text = std::move(text);
  value.place = place;
  return value;
}

const Entry* Value::find(std::string_view name) const {
  for (const Entry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

Entry* Value::find(std::string_view name) {
  return const_cast<Entry*>(std::as_const(*this).find(name));
}

std::vector<Entry*> Value::all(std::string_view name) {
  std::vector<Entry*> found;
  for (Entry& entry : entries) {
    if (entry.name == name) found.push_back(&entry);
  }
  return found;
}

std::vector<const Entry*> Value::all(std::string_view name) const {
  std::vector<const Entry*> found;
  for (const Entry& entry : entries) {
    if (entry.name == name) found.push_back(&entry);
  }
  return found;
}

std::string Value::text_of(std::string_view name) const {
  const Entry* entry = find(name);
  return entry == nullptr || !entry->value.is_scalar() ? std::string() : entry->value.text;
}

Entry& Value::add(std::string_view name, const Place& place, Value value) {
  entries.push_back({std::string(name), place, std::move(value)});
  return entries.back();
}

Value& Value::map_at(std::string_view name, const Place& place) {
  Entry* entry = find(name);
  return entry != nullptr ? entry->value : add(name, place, map(place)).value;
}

std::vector<Entry> Value::take(std::string_view name) {
  const auto middle = std::stable_partition(entries.begin(), entries.end(),
                                            [&](const Entry& e) { return e.name != name; });
  std::vector<Entry> taken(std::make_move_iterator(middle), std::make_move_iterator(entries.end()));
  entries.erase(middle, entries.end());
  return taken;
}

bool is_yaml_name(const std::string& file) {
  const std::string extension = std::filesystem::path(file).extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

Value read_value(const std::string& text, const std::string& file) {
  return is_yaml_name(file) ? read_yaml(text, file) : read_prototxt(text, file);
}

}  // namespace dlrun::config
