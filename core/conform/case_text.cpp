#include "core/conform/case_text.hpp"

#include <fmt/format.h>

#include "core/base/error.hpp"

namespace dlrun::conform {

namespace {

[[noreturn]] void fail_at(const CaseText& text, const YAML::Mark& mark, const std::string& type,
                          const std::string& what) {
  base::fail_input({text.file, mark.line + 1, mark.column + 1},
                   fmt::format("a case of '{}' needs `case:` and what its kind's file in "
                               "share/dlrun/conform explains: {}",
                               type, what));
}

}  // namespace

void each_case(const std::vector<CaseText>& texts, const std::string& type,
               const std::function<void(const YAML::Node&, const std::string&)>& read) {
  for (const CaseText& text : texts) {
    YAML::Mark at;  // where an error lies that doesn't know itself
    try {
      const YAML::Node root = YAML::Load(text.yaml);
      const YAML::Node cases = root[type];
      for (const YAML::Node& node : cases) {
        at = node.Mark();
        read(node, text.file);
      }
    } catch (const YAML::Exception& error) {
      fail_at(text, error.mark.is_null() ? at : error.mark, type, error.msg);
    }
  }
}

KindCase read_kind_case(const std::string& type, const YAML::Node& node) {
  return {type, node["case"].as<std::string>(), node["fields"].as<std::string>("")};
}

}  // namespace dlrun::conform
