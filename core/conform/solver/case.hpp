// Cases of solvers: data, read from YAML (sdk/conform/solvers.yaml explains the fields).
#pragma once

#include <string>
#include <vector>

#include "core/conform/case_text.hpp"
#include "core/conform/values.hpp"

namespace dlrun::conform {

// One iteration as it was recorded: what went in, and what the parameter and its history are then.
struct RecordedUpdate {
  double rate = 0;
  Values gradient;
  Values param;
  std::vector<Values> history;
};

struct SolverCase : KindCase {
  Values start;                         // the parameter before the first recorded update
  std::vector<RecordedUpdate> updates;  // none: nothing was recorded
};

std::vector<SolverCase> solver_cases(const std::vector<CaseText>& texts, const std::string& type);
// For a type that has none: no fields, nothing recorded.
std::vector<SolverCase> default_solver_cases(const std::string& type);

}  // namespace dlrun::conform
