// A configuration as it was written: names, values and places, before any schema says what they
// mean. Both syntaxes become this; upgrades and overrides change it; the binder makes messages of
// it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/place.hpp"

namespace dlrun::config {

struct Entry;

struct Value {
  enum class Form {
    kPlain,      // unquoted in YAML or on the command line: the schema decides what it is
    kWord,       // a number or a bare word of prototxt: not a string
    kQuoted,     // a string
    kMap,        // a message
    kNothing,    // a YAML key with nothing behind it
    kEmptyList,  // []
  };

  Form form = Form::kNothing;
  bool in_list = false;  // written as an element of [...] or of a YAML sequence
  std::string text;      // of kPlain, kWord, kQuoted
  std::vector<Entry>
      entries;  // of kMap, in the order written; a list is several entries of one name
  Place place;

  static Value map(const Place& place);
  static Value scalar(Form form, std::string text, const Place& place);

  bool is_map() const { return form == Form::kMap; }
  bool is_scalar() const {
    return form == Form::kPlain || form == Form::kWord || form == Form::kQuoted;
  }

  bool has(std::string_view name) const { return find(name) != nullptr; }
  const Entry* find(std::string_view name) const;  // the first of that name, or null
  Entry* find(std::string_view name);
  std::vector<Entry*> all(std::string_view name);
  std::vector<const Entry*> all(std::string_view name) const;
  // The text of the first scalar of that name, or "".
  std::string text_of(std::string_view name) const;

  Entry& add(std::string_view name, const Place& place, Value value);
  // The map of that name, made when there is none.
  Value& map_at(std::string_view name, const Place& place);
  // Removes all entries of that name and returns them.
  std::vector<Entry> take(std::string_view name);
};

struct Entry {
  std::string name;
  Place place;  // of the name, or of the element within a list
  Value value;
};

// The readers of the two syntaxes. The result is a map; throws base::Error at the place of what is
// wrong.
Value read_prototxt(const std::string& text, const std::string& file);
Value read_yaml(const std::string& text, const std::string& file);
// By the file's extension: .yaml, .yml and .json are YAML, all others prototxt.
Value read_value(const std::string& text, const std::string& file);
bool is_yaml_name(const std::string& file);

// Applies "path.to[name].field=value" to a job; see load.hpp.
void apply_override(Value& job, const std::string& assignment);

}  // namespace dlrun::config
