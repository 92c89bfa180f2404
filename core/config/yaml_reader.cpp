// Reads YAML into names and values, with yaml-cpp; merge keys (<<) are resolved here.
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <utility>

#include "core/base/error.hpp"
#include "core/config/value.hpp"

namespace dlrun::config {
namespace {

// Limits that no configuration reaches: they protect the stack from deep nesting (an alias may
// contain itself) and the memory from aliases of aliases.
constexpr int kDeepest = 100;
constexpr int kMostValues = 1'000'000;

class Reader {
 public:
  explicit Reader(const std::string& file) : file_(std::make_shared<const std::string>(file)) {}

  Value read(const std::string& text) {
    const YAML::Node root = parse(text);
    if (root.IsNull()) return Value::map({file_, 1, 1});
    if (!root.IsMap())
      fail(place_of(root), "found no 'name: value' lines, expected a configuration");
    return read_map(root, 0);
  }

 private:
  [[noreturn]] static void fail(const Place& place, const std::string& message) {
    base::fail_input(place.location(), message);
  }

  Place place_of(const YAML::Mark& mark) const {
    return mark.is_null() ? Place{file_, 0, 0} : Place{file_, mark.line + 1, mark.column + 1};
  }
  Place place_of(const YAML::Node& node) const { return place_of(node.Mark()); }

  YAML::Node parse(const std::string& text) const {
    try {
      const std::vector<YAML::Node> documents = YAML::LoadAll(text);
      if (documents.empty()) return {};
      if (documents.size() > 1)
        fail(place_of(documents[1]), "found a second document, expected one");
      return documents[0];
    } catch (const YAML::Exception& error) {
      fail_at_tab(text, error.mark.line);
      fail(place_of(error.mark), "YAML: " + error.msg);
    }
  }

  // The commonest mistake has the least helpful messages: a line indented with a tab.
  void fail_at_tab(const std::string& text, int line) const {
    size_t start = 0;
    for (int i = 0; i < line && start != std::string::npos; ++i) {
      start = text.find('\n', start);
      if (start != std::string::npos) ++start;
    }
    if (start == std::string::npos) return;
    const size_t mark = text.find_first_not_of(' ', start);
    if (mark == std::string::npos || text[mark] != '\t') return;
    fail({file_, line + 1, static_cast<int>(mark - start) + 1},
         "found a tab in the indentation, expected spaces");
  }

  Value read_map(const YAML::Node& node, int depth) {
    check_limits(node, depth);
    Value map = Value::map(place_of(node));
    for (const auto& pair : node) {
      if (!pair.first.IsScalar())
        fail(place_of(pair.first), "found a list or map, expected a name");
      const std::string& name = pair.first.Scalar();
      if (name == "<<") continue;
      if (map.has(name)) fail(place_of(pair.first), fmt::format("'{}' is given twice", name));
      read_entry(map, name, place_of(pair.first), pair.second, depth);
    }
    for (const auto& pair : node) {
      if (pair.first.Scalar() == "<<") merge(map, pair.second, depth);
    }
    return map;
  }

  // What `<<: *base` or `<<: [*a, *b]` brings: the names that are not there yet.
  void merge(Value& map, const YAML::Node& source, int depth) {
    if (source.IsSequence()) {
      for (const YAML::Node& each : source)
        merge(map, each, depth);
      return;
    }
    if (!source.IsMap()) fail(place_of(source), "'<<' expects a map, such as an alias of one");
    Value merged = read_map(source, depth + 1);
    std::vector<Entry> added;
    for (Entry& entry : merged.entries) {
      if (!map.has(entry.name)) added.push_back(std::move(entry));
    }
    for (Entry& entry : added)
      map.entries.push_back(std::move(entry));
  }

  void read_entry(Value& map, const std::string& name, const Place& place, const YAML::Node& node,
                  int depth) {
    check_limits(node, depth);
    if (!node.IsSequence()) {
      Value value = read_value(node, depth);
      if (value.form == Value::Form::kNothing) value.place = place;
      map.add(name, place, std::move(value));
      return;
    }
    if (node.size() == 0) map.add(name, place, Value::scalar(Value::Form::kEmptyList, "", place));
    for (const YAML::Node& element : node) {
      if (element.IsSequence()) fail(place_of(element), fmt::format("{}: a list in a list", name));
      Entry& entry = map.add(name, place_of(element), read_value(element, depth));
      entry.value.in_list = true;
    }
  }

  Value read_value(const YAML::Node& node, int depth) {
    if (node.IsMap()) return read_map(node, depth + 1);
    if (!node.IsScalar()) return Value::scalar(Value::Form::kNothing, "", place_of(node));
    const bool quoted = node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str";
    return Value::scalar(quoted ? Value::Form::kQuoted : Value::Form::kPlain, node.Scalar(),
                         place_of(node));
  }

  void check_limits(const YAML::Node& node, int depth) {
    if (depth > kDeepest) fail(place_of(node), "nested too deeply");
    if (++values_ > kMostValues) fail(place_of(node), "too large once its aliases are expanded");
  }

  std::shared_ptr<const std::string> file_;
  int values_ = 0;
};

}  // namespace

Value read_yaml(const std::string& text, const std::string& file) {
  return Reader(file).read(text);
}

}  // namespace dlrun::config
