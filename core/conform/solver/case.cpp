#include "core/conform/solver/case.hpp"

namespace dlrun::conform {

std::vector<SolverCase> solver_cases(const std::vector<CaseText>& texts, const std::string& type) {
  std::vector<SolverCase> cases;
  each_case(texts, type, [&](const YAML::Node& node, const std::string&) {
    SolverCase made{read_kind_case(type, node), node["start"].as<Values>(Values()), {}};
    for (const YAML::Node& update : node["updates"]) {
      made.updates.push_back({update["rate"].as<double>(), update["gradient"].as<Values>(),
                              update["param"].as<Values>(),
                              update["history"].as<std::vector<Values>>()});
    }
    cases.push_back(made);
  });
  return cases;
}

std::vector<SolverCase> default_solver_cases(const std::string& type) {
  return {{{type, "default", ""}, {}, {}}};
}

}  // namespace dlrun::conform
