// `--set path=value`: changes a configuration as written, before the schema checks it.
#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/suggest.hpp"
#include "core/config/value.hpp"

namespace dlrun::config {
namespace {

constexpr size_t kDeepest = 100;

// One step of a path: `layer[conv1]`, `param[0]` or `solver`.
struct Step {
  std::string name;
  std::optional<std::string> selector;
};

class Override {
 public:
  explicit Override(const std::string& assignment) {
    const size_t equals = assignment.find('=', closing_bracket(assignment));
    path_ = assignment.substr(0, equals);
    place_.file = std::make_shared<const std::string>("--set " + path_);
    if (equals == std::string::npos) fail("expected path=value, e.g. solver.base_lr=0.1");
    steps_ = split(path_);
    values_ = parse_values(assignment.substr(equals + 1));
  }

  void apply(Value& root) { apply(root, 0); }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    base::fail_input(place_.location(), message);
  }

  // Layer names in brackets may contain anything but a bracket.
  static size_t closing_bracket(const std::string& text) {
    const size_t equals = text.find('=');
    const size_t bracket = text.find('[');
    if (bracket == std::string::npos || bracket > equals) return 0;
    const size_t closing = text.find("]=", bracket);
    const size_t inner = text.find("].", bracket);
    const size_t first = std::min(closing, inner);
    return first == std::string::npos ? 0 : first;
  }

  std::vector<Step> split(const std::string& path) const {
    std::vector<Step> steps;
    size_t at = 0;
    while (at <= path.size()) {
      const size_t end = path.find_first_of(".[", at);
      Step step{path.substr(at, end == std::string::npos ? end : end - at), std::nullopt};
      if (step.name.empty()) fail("a name is missing in the path");
      at = end == std::string::npos ? path.size() + 1 : end + 1;
      if (end != std::string::npos && path[end] == '[') {
        const size_t close = path.find(']', end);
        if (close == std::string::npos) fail("']' is missing");
        step.selector = path.substr(end + 1, close - end - 1);
        if (close + 1 < path.size() && path[close + 1] != '.') fail("expected '.' after ']'");
        at = close + 2;
      }
      steps.push_back(std::move(step));
      if (steps.size() > kDeepest) fail("the path has too many steps");
    }
    return steps;
  }

  // The value is YAML where it looks like a list, a map or a quoted text, and plain text otherwise.
  std::vector<Value> parse_values(const std::string& text) const {
    if (text.empty() || std::string("[{\"'").find(text[0]) == std::string::npos) {
      return {Value::scalar(Value::Form::kPlain, text, place_)};
    }
    Value parsed = read_yaml("value: " + text, *place_.file);
    std::vector<Value> values;
    for (Entry& entry : parsed.take("value")) {
      move_here(entry.value);
      values.push_back(std::move(entry.value));
    }
    return values;
  }

  // Columns within the argument would only confuse: every value stands at the option.
  void move_here(Value& value) const {
    value.place = place_;
    for (Entry& entry : value.entries) {
      entry.place = place_;
      move_here(entry.value);
    }
  }

  void apply(Value& map, size_t depth) {
    const Step& step = steps_[depth];
    const bool last = depth + 1 == steps_.size();
    if (!step.selector) {
      if (last) {
        replace_all(map, step.name);
      } else {
        descend(map, step, depth);
      }
      return;
    }
    for (Entry* entry : select(map, step)) {
      if (last) {
        if (values_.size() != 1) fail("expected one value");
        entry->value = values_[0];
      } else {
        check_group(entry->value, step);
        apply(entry->value, depth + 1);
      }
    }
  }

  void descend(Value& map, const Step& step, size_t depth) {
    if (map.all(step.name).size() > 1) {
      fail(fmt::format("there are {} '{}'; say which, e.g. {}[0]", map.all(step.name).size(),
                       step.name, step.name));
    }
    Value& child = map.map_at(step.name, place_);
    if (child.form == Value::Form::kNothing) child = Value::map(place_);
    check_group(child, step);
    apply(child, depth + 1);
  }

  void check_group(const Value& value, const Step& step) const {
    if (!value.is_map()) fail(fmt::format("'{}' is not a group of parameters", step.name));
  }

  void replace_all(Value& map, const std::string& name) {
    map.take(name);
    for (const Value& value : values_)
      map.add(name, place_, value);
  }

  // By index, or all whose name it is (a net may have one `data` layer for each phase).
  std::vector<Entry*> select(Value& map, const Step& step) const {
    const std::vector<Entry*> all = map.all(step.name);
    const std::string& selector = *step.selector;
    std::vector<Entry*> selected;
    std::vector<std::string> names;
    for (Entry* entry : all) {
      names.push_back(entry->value.text_of("name"));
      if (names.back() == selector) selected.push_back(entry);
    }
    if (!selected.empty()) return selected;

    size_t index = 0;
    const char* end = selector.data() + selector.size();
    const auto [stop, error] = std::from_chars(selector.data(), end, index);
    if (error != std::errc() || stop != end || selector.empty()) {
      fail(fmt::format("no {} '{}'{}", step.name, selector, base::did_you_mean(selector, names)));
    }
    if (index >= all.size()) {
      fail(fmt::format("no {}[{}]: there are {}", step.name, index, all.size()));
    }
    return {all[index]};
  }

  std::string path_;
  Place place_;
  std::vector<Step> steps_;
  std::vector<Value> values_;
};

}  // namespace

void apply_override(Value& job, const std::string& assignment) {
  Override(assignment).apply(job);
}

}  // namespace dlrun::config
