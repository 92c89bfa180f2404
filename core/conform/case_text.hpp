// Cases of any kind as they are written: YAML, by the type's name. Those of sdk/conform, and those
// that a plugin's author adds by --cases.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <string>
#include <vector>

namespace dlrun::conform {

struct CaseText {
  std::string yaml;
  std::string file;  // for messages, and relative paths within begin at its folder
};

// Calls `read(case, file)` for each case of the type. Wrong input throws base::Error at its place.
void each_case(const std::vector<CaseText>& texts, const std::string& type,
               const std::function<void(const YAML::Node&, const std::string&)>& read);

// What every kind's cases have.
struct KindCase {
  std::string type;
  std::string name;
  std::string fields;  // the configuration, in prototxt

  std::string text() const { return type + ": " + name; }
};
KindCase read_kind_case(const std::string& type, const YAML::Node& node);

}  // namespace dlrun::conform
