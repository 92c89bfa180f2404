// Where layers run: devices, and operator plans with their memory.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/base/error.hpp"
#include "core/net/net.hpp"

namespace dlrun::net {
namespace {

// Why a device doesn't run all of a layer; "" when it does.
std::string shortcoming(const memory::Device& device, uint32_t dtype) {
  if (!device.has_kernels() && !device.works_in_host_memory())
    return "the device runs no portable kernels";
  if (dtype == DLR_F64 && device.info().float64 == 0) return "the device has no float64";
  return "";
}

int64_t pair_of(const Operator& op) {
  return op.integer("pair", -1);
}

// Whether the operators of each pair were planned by one device.
bool is_whole(const LayerNode& layer, int64_t pair) {
  const Operator* first = nullptr;
  for (const Operator& op : layer.operators) {
    if (pair_of(op) != pair) continue;
    if (first == nullptr) first = &op;
    if (op.device == nullptr || op.device != first->device) return false;
  }
  return true;
}

template <class Visit>
void for_pair(LayerNode& layer, int64_t pair, Visit&& visit) {
  for (Operator& op : layer.operators) {
    if (pair_of(op) == pair) visit(op);
  }
}

void forget_plan(Operator& op) {
  op.plan.reset();
  op.device = nullptr;
}

}  // namespace

Executor& Net::executor_on(memory::Device& device) {
  for (const auto& executor : executors_) {
    if (&executor->device() == &device) return *executor;
  }
  executors_.push_back(std::make_unique<Executor>(device, *devices_.host));
  return *executors_.back();
}

// The device that the layer names, or the job's.
memory::Device& Net::device_for(const Stage& stage) const {
  if (!stage.config.has("device")) return *devices_.primary;
  const std::string name = stage.config.text("device");
  if (name == "auto" || name == devices_.primary->name()) return *devices_.primary;
  if (name == devices_.host->name()) return *devices_.host;
  const auto found = devices_.named.find(name);
  if (found == devices_.named.end())
    stage.config.fail("device", fmt::format("device '{}' isn't open in this job", name));
  return *found->second;
}

void Net::place_stages() {
  for (const auto& stage : stages_) {
    if (stage->layer) place_stage(*stage);
  }
  fuse_stages();
  for (const auto& stage : stages_) {
    if (stage->layer) allocate_for_operators(*stage->layer);
  }
}

// A layer runs on its device when that can run its kernels; layers for the host's memory go to the
// host. Of a layer on a device without kernels, the operators that it plans run there, when
// `fallback` lets the rest run on the host.
void Net::place_stage(Stage& stage) {
  LayerNode& layer = *stage.layer;
  memory::Device& device = device_for(stage);
  layer.context.executor = layer.facts.host_only != 0 ? host_executor_ : &executor_on(device);
  const std::string reason = layer.facts.host_only != 0 ? "" : shortcoming(device, options_.dtype);
  if (!reason.empty()) {
    const std::string message =
        fmt::format("{}device '{}' can't run it: {}", layer.subject(), device.name(), reason);
    const Fallback fallback =
        stage.config.has("device") ? options_.named_fallback : options_.fallback;
    if (fallback == Fallback::kError) {
      base::fail_input(stage.config.where(),
                       message + "; `fallback: allow` (or --fallback allow) puts it on the host");
    }
    if (fallback == Fallback::kWarn) spdlog::warn("{}; it runs on the host", message);
    stage.placed_on_host_because = reason;
    if (device.has_kernels()) layer.context.executor = host_executor_;
  }
  plan_operators(layer);
  const auto by_device = [&](const Operator& op) { return op.device == &device; };
  if (!reason.empty() && layer.context.executor != host_executor_ &&
      std::none_of(layer.operators.begin(), layer.operators.end(), by_device)) {
    layer.context.executor = host_executor_;
  }
}

// Operators of a pair share a reserve, so they are planned by one device or not at all.
void Net::plan_operators(LayerNode& layer) {
  Executor& executor = *layer.context.executor;
  for (Operator& op : layer.operators)
    executor.plan(op);
  for (const Operator& op : layer.operators) {
    const int64_t pair = pair_of(op);
    if (pair < 0 || is_whole(layer, pair)) continue;
    for_pair(layer, pair, [&](Operator& each) {
      if (each.declined.empty())
        each.declined = executor.device().name() + ": it declined another operator of the pair";
      forget_plan(each);
      executor.plan_on_host(each);
    });
    if (!is_whole(layer, pair)) for_pair(layer, pair, forget_plan);
  }
}

void Net::allocate_for_operators(LayerNode& layer) {
  std::map<int64_t, std::pair<memory::Device*, uint64_t>> needs;
  for (Operator& op : layer.operators) {
    if (op.device == nullptr) continue;
    op.workspace = shared_workspace(*op.device, op.workspace_bytes);
    if (pair_of(op) < 0) continue;
    auto& [device, bytes] = needs[pair_of(op)];
    device = op.device;
    bytes = std::max(bytes, op.reserve_bytes);
  }
  std::map<int64_t, dlr_mem> reserves;
  for (const auto& [pair, need] : needs) {
    if (need.second == 0) continue;
    operator_memory_.emplace_back(need.first, dlr_mem{});
    operator_memory_.back().second = need.first->allocate(need.second);
    reserves[pair] = operator_memory_.back().second;
  }
  for (const Operator& op : layer.operators) {
    const auto found = reserves.find(pair_of(op));
    layer.reserves.push_back(found == reserves.end() ? dlr_mem{} : found->second);
  }
}

// One workspace per device for all layers, as large as the largest asked for. Layers prepared
// earlier keep the smaller one they got, which stays allocated.
dlr_mem Net::shared_workspace(memory::Device& device, uint64_t bytes) {
  if (bytes == 0) return {};
  dlr_mem& workspace = workspaces_[&device];
  if (workspace.bytes < bytes) {
    operator_memory_.emplace_back(&device, dlr_mem{});
    operator_memory_.back().second = workspace = device.allocate(bytes);
  }
  return workspace;
}

}  // namespace dlrun::net
