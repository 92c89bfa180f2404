// What a run computes on: recorded in snapshots, because other libraries or threads may give other
// bits.
#pragma once

#include <map>
#include <string>

namespace dlrun::train {

class Session;

std::map<std::string, std::string> environment_facts(Session& session);

}  // namespace dlrun::train
