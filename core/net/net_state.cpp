#include "core/net/net_state.hpp"

#include <algorithm>

namespace dlrun::net {
namespace {

bool has_stage(const NetState& state, const std::string& stage) {
  return std::find(state.stages.begin(), state.stages.end(), stage) != state.stages.end();
}

// A rule is met when all that it says is true.
bool meets(const NetState& state, const config::Node& rule) {
  if (rule.has("phase") && (rule.text("phase") == "TRAIN") != state.is_training) return false;
  if (rule.has("min_level") && state.level < rule.integer("min_level")) return false;
  if (rule.has("max_level") && state.level > rule.integer("max_level")) return false;
  for (int i = 0; i < rule.count("stage"); ++i) {
    if (!has_stage(state, rule.text("stage", i))) return false;
  }
  for (int i = 0; i < rule.count("not_stage"); ++i) {
    if (has_stage(state, rule.text("not_stage", i))) return false;
  }
  return true;
}

bool meets_any(const NetState& state, const std::vector<config::Node>& rules) {
  return std::any_of(rules.begin(), rules.end(),
                     [&](const config::Node& rule) { return meets(state, rule); });
}

}  // namespace

void merge(NetState& state, const config::Node& message) {
  if (!message) return;
  if (message.has("phase")) state.is_training = message.text("phase") == "TRAIN";
  if (message.has("level")) state.level = message.integer("level");
  for (int i = 0; i < message.count("stage"); ++i)
    state.stages.push_back(message.text("stage", i));
}

bool is_included(const config::Node& layer, const NetState& state) {
  if (layer.has("include") && layer.has("exclude")) {
    layer.fail("exclude", "has both include and exclude rules; use one of them");
  }
  if (layer.has("include")) return meets_any(state, layer.messages("include"));
  return !meets_any(state, layer.messages("exclude"));
}

std::vector<config::Node> included_layers(const config::Node& net, const NetState& state) {
  std::vector<config::Node> layers;
  for (const config::Node& layer : net.messages("layer")) {
    if (is_included(layer, state)) layers.push_back(layer);
  }
  return layers;
}

}  // namespace dlrun::net
