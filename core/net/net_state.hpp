// The state a net is built in (phase, level, stages), and which layers of its description belong to
// it.
#pragma once

#include <string>
#include <vector>

#include "core/config/node.hpp"

namespace dlrun::net {

struct NetState {
  bool is_training = false;
  int64_t level = 0;
  std::vector<std::string> stages;
};

// What a NetState message sets, over what is there: later sources win, stages add up.
void merge(NetState& state, const config::Node& message);

// Whether the layer's include and exclude rules let it in. A layer with both is an error.
bool is_included(const config::Node& layer, const NetState& state);

// The layers of a NetParameter that belong to the state.
std::vector<config::Node> included_layers(const config::Node& net, const NetState& state);

}  // namespace dlrun::net
