// Reads protobuf's text format into names and values, with the tokenizer that protobuf's own reader
// uses. (That reader needs the schema first and reports too little to explain a mistake; see
// docs/decisions.)
#include <fmt/format.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <utility>

#include "core/base/error.hpp"
#include "core/config/value.hpp"

namespace dlrun::config {
namespace {

namespace io = google::protobuf::io;
using io::Tokenizer;

// Deeper nesting than this is no configuration; it protects the stack.
constexpr int kDeepest = 100;
constexpr int kTabWidth = 8;  // of the tokenizer's columns

class Reader : io::ErrorCollector {
 public:
  Reader(const std::string& text, const std::string& file)
      : text_(text),
        file_(std::make_shared<const std::string>(file)),
        stream_(text.data(), static_cast<int>(text.size())),
        tokenizer_(&stream_, this) {
    line_starts_.push_back(0);
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') line_starts_.push_back(i + 1);
    }
    tokenizer_.set_comment_style(Tokenizer::SH_COMMENT_STYLE);
    tokenizer_.set_allow_f_after_float(true);
    tokenizer_.set_require_space_after_number(false);
    tokenizer_.set_allow_multiline_strings(true);
  }

  Value read() {
    next();
    Value root = Value::map({file_, 1, 1});
    read_entries(root, "", 0);
    return root;
  }

 private:
  const Tokenizer::Token& token() { return tokenizer_.current(); }
  bool at(const char* text) { return token().text == text && !is(Tokenizer::TYPE_STRING); }
  bool is(Tokenizer::TokenType type) { return token().type == type; }

  void next() {
    tokenizer_.Next();
    if (!error_.empty()) base::fail_input(error_place_.location(), error_);
  }
  bool skip(const char* text) {
    if (!at(text)) return false;
    next();
    return true;
  }

  // Columns count characters from 1; the tokenizer counts from 0 and widens tabs.
  Place place_at(int line, int column) const {
    int width = 0;
    int characters = 0;
    for (size_t i = line_starts_[line]; i < text_.size() && width < column; ++i, ++characters) {
      width += text_[i] == '\t' ? kTabWidth - width % kTabWidth : 1;
    }
    return {file_, line + 1, characters + 1};
  }
  Place here() { return place_at(token().line, token().column); }

  void AddError(int line, io::ColumnNumber column, const std::string& message) override {
    if (!error_.empty()) return;
    error_place_ = place_at(line, column);
    error_ = message;
  }

  [[noreturn]] void fail_expected(const std::string& expected) {
    std::string found = is(Tokenizer::TYPE_STRING) ? token().text : "'" + token().text + "'";
    if (is(Tokenizer::TYPE_END)) found = "the end of the file";
    base::fail_input(here().location(), fmt::format("found {}, expected {}", found, expected));
  }

  // Entries up to `closing` ("" at the top: up to the end of the file).
  void read_entries(Value& map, const std::string& closing, int depth) {
    if (depth > kDeepest) base::fail_input(here().location(), "messages are nested too deeply");
    while (!is(Tokenizer::TYPE_END) && (closing.empty() || !at(closing.c_str()))) {
      read_entry(map, depth);
      if (!skip(",")) skip(";");
    }
    if (closing.empty()) return;
    if (!skip(closing.c_str())) {
      fail_expected(fmt::format("'{}' to close the '{}' of line {}", closing,
                                closing == "}" ? "{" : "<", map.place.line));
    }
  }

  void read_entry(Value& map, int depth) {
    if (!is(Tokenizer::TYPE_IDENTIFIER)) fail_expected("the name of a parameter");
    const std::string name = token().text;
    const Place place = here();
    next();
    const bool colon = skip(":");
    if (skip("[")) {
      read_list(map, name, place, depth);
    } else if (at("{") || at("<")) {
      map.add(name, place, read_message(depth));
    } else if (colon) {
      map.add(name, place, read_scalar());
    } else {
      fail_expected(fmt::format("':' or '{{' after '{}'", name));
    }
  }

  void read_list(Value& map, const std::string& name, const Place& place, int depth) {
    if (skip("]")) {
      map.add(name, place, Value::scalar(Value::Form::kEmptyList, "", place));
      return;
    }
    do {
      const Place element = here();
      Entry& entry =
          map.add(name, element, at("{") || at("<") ? read_message(depth) : read_scalar());
      entry.value.in_list = true;
    } while (skip(","));
    if (!skip("]")) fail_expected("',' or ']'");
  }

  Value read_message(int depth) {
    Value map = Value::map(here());
    const std::string closing = at("{") ? "}" : ">";
    next();
    read_entries(map, closing, depth + 1);
    return map;
  }

  Value read_scalar() {
    const Place place = here();
    if (is(Tokenizer::TYPE_STRING)) {
      std::string text;
      for (; is(Tokenizer::TYPE_STRING); next())
        Tokenizer::ParseStringAppend(token().text, &text);
      return Value::scalar(Value::Form::kQuoted, std::move(text), place);
    }
    const std::string sign = skip("-") ? "-" : "";
    if (!is(Tokenizer::TYPE_IDENTIFIER) && !is(Tokenizer::TYPE_INTEGER) &&
        !is(Tokenizer::TYPE_FLOAT)) {
      fail_expected("a value");
    }
    Value value = Value::scalar(Value::Form::kWord, sign + token().text, place);
    next();
    return value;
  }

  const std::string& text_;
  std::shared_ptr<const std::string> file_;
  std::vector<size_t> line_starts_;
  io::ArrayInputStream stream_;
  Tokenizer tokenizer_;
  Place error_place_;
  std::string error_;  // the tokenizer's first complaint
};

}  // namespace

Value read_prototxt(const std::string& text, const std::string& file) {
  return Reader(text, file).read();
}

}  // namespace dlrun::config
