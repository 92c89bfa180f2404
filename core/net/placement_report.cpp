// What went where, in words: layers, and operators that another device ran.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "core/net/net.hpp"

namespace dlrun::net {

int64_t Net::n_layers() const {
  return std::count_if(stages_.begin(), stages_.end(),
                       [](const auto& stage) { return stage->layer != nullptr; });
}

std::vector<std::string> Net::placement_report() const {
  std::map<std::string, int> layers_on{{devices_.primary->name(), 0}};
  int n_fused = 0;
  std::vector<std::string> details;
  for (const auto& stage : stages_) {
    if (!stage->layer) continue;
    if (stage->fused_into != nullptr) ++n_fused;
    const LayerNode& layer = *stage->layer;
    const memory::Device& device = layer.context.executor->device();
    const bool on_host = layer.context.executor == host_executor_;
    if (!on_host || stage->config.has("device") || main_executor_ == host_executor_)
      ++layers_on[device.name()];
    if (!stage->placed_on_host_because.empty()) {
      details.push_back(fmt::format("{}on host: {} '{}' ({})", on_host ? "" : "partly ",
                                    layer.type_name, stage->name, stage->placed_on_host_because));
    }
  }
  std::vector<std::string> lines;
  for (const auto& [device, count] : layers_on)
    lines.push_back(fmt::format("{} runs {} of {} layers", device, count, n_layers()));
  if (n_fused > 0) {
    lines.push_back(fmt::format("{} of them as part of the operator before {}", n_fused,
                                n_fused == 1 ? "it" : "them"));
  }
  lines.insert(lines.end(), details.begin(), details.end());
  for (const OperatorElsewhere& each : operators_elsewhere()) {
    lines.push_back(fmt::format("{} runs {} of {} ({})", each.runner, each.op,
                                fmt::join(each.layers, ", "), each.declined));
  }
  return lines;
}

// Of what ran, not of what was planned: a layer may describe an operator and go another way (a
// convolution describes gemm for the case that no device plans it as a whole), and descriptions
// don't say which of them stands in for which.
std::vector<Net::OperatorElsewhere> Net::operators_elsewhere() const {
  std::map<std::array<std::string, 4>, std::vector<std::string>> layers;
  for (const auto& stage : stages_) {
    if (!stage->layer) continue;
    const memory::Device& device = stage->layer->context.executor->device();
    std::set<std::array<std::string, 4>> found;
    for (const Operator& op : stage->layer->operators) {
      if (op.has_run && op.device != &device)
        found.insert({op.device->name(), device.name(), op.op, op.declined});
    }
    for (const auto& each : found)
      layers[each].push_back(stage->name);
  }
  std::vector<OperatorElsewhere> list;
  for (const auto& [each, names] : layers)
    list.push_back({each[0], each[1], each[2], each[3], names});
  return list;
}

std::vector<std::string> Net::operators_elsewhere_in_short() const {
  struct Count {
    std::set<std::string> operators;
    std::set<std::string> layers;
  };
  std::map<std::pair<std::string, std::string>, Count> counts;
  for (const OperatorElsewhere& each : operators_elsewhere()) {
    Count& count = counts[{each.runner, each.home}];
    count.operators.insert(each.op);
    count.layers.insert(each.layers.begin(), each.layers.end());
  }
  std::vector<std::string> lines;
  for (const auto& [devices, count] : counts) {
    const auto& [runner, home] = devices;
    lines.push_back(
        fmt::format("{} leaves {} {} in {} of {} layers to {}", home, count.operators.size(),
                    count.operators.size() == 1 ? "kind of operator" : "kinds of operators",
                    count.layers.size(), n_layers(), runner));
  }
  return lines;
}

}  // namespace dlrun::net
