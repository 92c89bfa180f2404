#include "core/model_io/resume_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/model_io/base64.hpp"
#include "core/model_io/file_kind.hpp"

namespace dlrun::model_io {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "dlrunstate";
constexpr int64_t kVersion = 1;

// JSON has no such numbers, so they are strings.
Json to_json(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

// Layers' names are any bytes, JSON is UTF-8: each byte stands as the character of that number.
std::string name_to_json(std::string_view name) {
  std::string text;
  for (const char each : name) {
    const auto byte = static_cast<unsigned char>(each);
    if (byte < 0x80) {
      text += each;
    } else {
      text += static_cast<char>(0xC0 | (byte >> 6));
      text += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return text;
}

// Nothing for a text that name_to_json can't have made.
std::optional<std::string> name_from_json(std::string_view text) {
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x80) {
      if (byte > 0xC3 || i + 1 == text.size()) return std::nullopt;
      name += static_cast<char>((byte << 6) | (static_cast<unsigned char>(text[++i]) & 0x3F));
    } else {
      name += text[i];
    }
  }
  return name;
}

template <typename Map, typename Convert>
Json map_to_json(const Map& map, Convert convert) {
  Json object = Json::object();
  for (const auto& [name, value] : map)
    object[name_to_json(name)] = convert(value);
  return object;
}

Json to_json(const ResumeState& state) {
  const auto as_it_is = [](const auto& value) { return Json(value); };
  const auto as_number = [](double value) { return to_json(value); };
  const auto as_base64 = [](const std::string& bytes) { return Json(encode_base64(bytes)); };
  Json losses = Json::array();
  for (const double loss : state.loss_window)
    losses.push_back(to_json(loss));
  return {
      {"format", kFormat},
      {"version", kVersion},
      {"iteration", state.iteration},
      {"random_seed", state.random_seed},
      {"source_positions", map_to_json(state.source_positions, as_it_is)},
      {"loss_window", losses},
      {"numbers", map_to_json(state.numbers, as_number)},
      {"schedule_states", map_to_json(state.schedule_states, as_base64)},
      {"layer_states", map_to_json(state.layer_states, as_base64)},
      {"environment", map_to_json(state.environment, as_it_is)},
      {"config_sha256", state.config_sha256},
      {"weights_sha256", state.weights_sha256},
      {"solver_state_sha256", state.solver_state_sha256},
  };
}

// Typed access to the parsed file; every complaint names the file and the key.
class Reader {
 public:
  Reader(const std::filesystem::path& path, const Json& root) : path_(path), root_(root) {
    if (!root.is_object()) fail("is no JSON object");
  }

  const Json& get(const char* key) {
    seen_.insert(key);
    const auto found = root_.find(key);
    if (found == root_.end()) fail(fmt::format("has no '{}'", key));
    return *found;
  }

  int64_t natural(const char* key) {
    const uint64_t value = to_unsigned(get(key), key);
    if (value > std::numeric_limits<int64_t>::max()) fail_type(key, "a smaller number");
    return static_cast<int64_t>(value);
  }

  std::string sha256(const char* key) {
    const std::string text = to_text(get(key), key);
    const bool fits =
        text.empty() ||
        (text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos);
    if (!fits) fail_type(key, "64 lower-case hexadecimal digits");
    return text;
  }

  uint64_t to_unsigned(const Json& value, const std::string& key) const {
    if (!value.is_number_unsigned()) fail_type(key, "a whole number, 0 or more");
    return value.get<uint64_t>();
  }

  double to_number(const Json& value, const std::string& key) const {
    if (value.is_number()) return value.get<double>();
    if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (value == "inf") return std::numeric_limits<double>::infinity();
    if (value == "-inf") return -std::numeric_limits<double>::infinity();
    fail_type(key, "a number");
  }

  std::string to_text(const Json& value, const std::string& key) const {
    if (!value.is_string()) fail_type(key, "a string");
    return value.get<std::string>();
  }

  std::string to_bytes(const Json& value, const std::string& key) const {
    const std::optional<std::string> bytes = decode_base64(to_text(value, key));
    if (!bytes) fail_type(key, "base64");
    return *bytes;
  }

  // `convert` is one of the to_ functions above.
  template <typename Value>
  std::map<std::string, Value> map(const char* key,
                                   Value (Reader::*convert)(const Json&, const std::string&)
                                       const) {
    const Json& object = get(key);
    if (!object.is_object()) fail_type(key, "an object");
    std::map<std::string, Value> result;
    for (const auto& [name, value] : object.items()) {
      const std::optional<std::string> original = name_from_json(name);
      if (!original) fail(fmt::format("has an impossible name '{}' in '{}'", name, key));
      result[*original] = (this->*convert)(value, fmt::format("{}.{}", key, name));
    }
    return result;
  }

  std::vector<double> numbers(const char* key) {
    const Json& array = get(key);
    if (!array.is_array()) fail_type(key, "an array");
    std::vector<double> result;
    for (const Json& value : array) {
      result.push_back(to_number(value, fmt::format("{}[{}]", key, result.size())));
    }
    return result;
  }

  void refuse_unknown_keys() const {
    for (const auto& [key, value] : root_.items()) {
      if (!seen_.contains(key)) fail(fmt::format("has an unknown key '{}'", key));
    }
  }

  [[noreturn]] void fail(const std::string& message) const {
    base::fail_input({path_.string()}, message + "; expected a .dlrunstate as dlrun wrote it");
  }

  [[noreturn]] void fail_type(const std::string& key, const char* expected) const {
    base::fail_input({path_.string()}, fmt::format("'{}' is not {}", key, expected));
  }

 private:
  const std::filesystem::path& path_;
  const Json& root_;
  std::set<std::string> seen_;
};

base::Location locate(const std::filesystem::path& path, const std::string& text, size_t byte) {
  const std::string_view before(text.data(), std::min(byte == 0 ? 0 : byte - 1, text.size()));
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  return {path.string(), static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
          static_cast<int>(before.size() - line_begin) + 1};
}

Json parse(const std::filesystem::path& path, const std::string& text) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    base::fail_input(locate(path, text, error.byte), "is damaged: not valid JSON from here on");
  } catch (const Json::exception&) {
    base::fail_input({path.string()}, "is damaged: a number is out of range");
  }
}

}  // namespace

ResumeState read_resume_state(const std::filesystem::path& path) {
  const std::string text = base::read_file(path);
  if (!text.starts_with('{')) require_kind(path, text, FileKind::kResumeState);
  const Json root = parse(path, text);
  Reader reader(path, root);
  if (reader.get("format") != kFormat) reader.fail("is of another format");
  const int64_t version = reader.natural("version");
  if (version != kVersion) {
    reader.fail(fmt::format("has version {}, this dlrun reads version {}", version, kVersion));
  }
  ResumeState state;
  state.iteration = reader.natural("iteration");
  state.random_seed = reader.to_unsigned(reader.get("random_seed"), "random_seed");
  state.source_positions = reader.map("source_positions", &Reader::to_unsigned);
  state.loss_window = reader.numbers("loss_window");
  state.numbers = reader.map("numbers", &Reader::to_number);
  state.schedule_states = reader.map("schedule_states", &Reader::to_bytes);
  state.layer_states = reader.map("layer_states", &Reader::to_bytes);
  state.environment = reader.map("environment", &Reader::to_text);
  state.config_sha256 = reader.sha256("config_sha256");
  state.weights_sha256 = reader.sha256("weights_sha256");
  state.solver_state_sha256 = reader.sha256("solver_state_sha256");
  reader.refuse_unknown_keys();
  return state;
}

void write_resume_state(const std::filesystem::path& path, const ResumeState& state) {
  std::string text;
  try {
    text = to_json(state).dump(2) + '\n';
  } catch (const Json::exception&) {
    base::fail_work({path.string()}, "cannot write: a name in the net is not valid UTF-8");
  }
  base::replace_file(path, text);
}

std::vector<std::string> environment_differences(const std::map<std::string, std::string>& snapshot,
                                                 const std::map<std::string, std::string>& now) {
  std::set<std::string> names;
  for (const auto& [name, value] : snapshot)
    names.insert(name);
  for (const auto& [name, value] : now)
    names.insert(name);
  const auto value_in = [](const std::map<std::string, std::string>& facts,
                           const std::string& name) {
    const auto found = facts.find(name);
    return found == facts.end() ? std::string("not recorded") : found->second;
  };
  std::vector<std::string> differences;
  for (const std::string& name : names) {
    const std::string then = value_in(snapshot, name);
    const std::string today = value_in(now, name);
    if (then == today) continue;
    differences.push_back(fmt::format("{}: {} in the snapshot, {} now", name, then, today));
  }
  return differences;
}

}  // namespace dlrun::model_io
