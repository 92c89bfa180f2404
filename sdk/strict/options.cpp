// Reads the text of DLRUN_STRICT.
#include "options.hpp"

#include <dlrun/error.hpp>

#include <charconv>

namespace dlrun::strict {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

uint64_t number(const std::string& word, const std::string& digits) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size())
    throw Error("DLRUN_STRICT: '" + word + "': expected a whole number");
  return value;
}

void apply(Options& options, const std::string& word) {
  const size_t equals = word.find('=');
  const std::string name = word.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
  if (name == "decline") {
    options.declined = split(value, '+');
  } else if (name == "plain") {
    options.plain = true;
  } else if (name == "seed") {
    options.seed = number(word, value);
  } else if (name == "memory") {
    options.memory = number(word, value);
  } else if (name == "late") {
    options.late = number(word, value);
  } else if (name == "fail_call") {
    options.fail_call = number(word, value);
  } else if (name == "fail_allocation") {
    options.fail_allocation = number(word, value);
  } else if (name == "fail_copy") {
    options.fail_copy = number(word, value);
  } else if (name == "fail_late") {
    options.fail_late = number(word, value);
  } else {
    throw Error("DLRUN_STRICT: unknown word '" + name +
                "'; known are seed, memory, late, fail_call, fail_allocation, fail_copy, fail_late, decline, plain");
  }
}

}  // namespace

bool Options::declines(std::string_view op) const {
  for (const std::string& name : declined) {
    if (op.substr(0, name.size()) == name) return true;
  }
  return false;
}

Options parse_options(const std::string& text) {
  Options options;
  for (const std::string& word : split(text, ','))
    apply(options, word);
  return options;
}

}  // namespace dlrun::strict
