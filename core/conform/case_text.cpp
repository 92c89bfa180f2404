#include "core/conform/case_text.hpp"

#include <fmt/format.h>

#include "core/base/error.hpp"

namespace dlrun::conform {

void each_case(const std::vector<CaseText>& texts, const std::string& type,
               const std::function<void(const YAML::Node&, const std::string&)>& read) {
  for (const CaseText& text : texts) {
    try {
      const YAML::Node root = YAML::Load(text.yaml);
      const YAML::Node cases = root[type];
      for (const YAML::Node& node : cases)
        read(node, text.file);
    } catch (const YAML::Exception& error) {
      base::fail_input({text.file, error.mark.line + 1, error.mark.column + 1},
                       fmt::format("a case of '{}' needs `case:` and what its kind's file in "
                                   "share/dlrun/conform explains: {}",
                                   type, error.msg));
    }
  }
}

KindCase read_kind_case(const std::string& type, const YAML::Node& node) {
  return {type, node["case"].as<std::string>(), node["fields"].as<std::string>("")};
}

}  // namespace dlrun::conform
