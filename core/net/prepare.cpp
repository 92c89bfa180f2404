// The third step of building a net: buffers, placement on devices, operator plans, first values of
// parameters.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>

#include "core/base/error.hpp"
#include "core/base/keys.hpp"
#include "core/net/fill.hpp"
#include "core/net/net.hpp"

namespace dlrun::net {

memory::Slot& Net::make_slot() {
  slots_.push_back(std::make_unique<memory::Slot>());
  return *slots_.back();
}

memory::Buffer& Net::make_buffer(memory::Slot& slot) {
  buffers_.push_back(std::make_unique<memory::Buffer>(*devices_.host, slot, traffic_));
  return *buffers_.back();
}

std::unique_ptr<dlr_tensor> Net::make_tensor(const dlr_tensor_desc& desc) {
  return std::make_unique<dlr_tensor>(dlr_tensor{desc, &make_buffer(make_slot())});
}

void Net::prepare(const Devices& devices, Net* twin) {
  plan_memory();
  devices_ = devices;
  main_executor_ = std::make_unique<Executor>(*devices_.primary, *devices_.host);
  host_executor_ = std::make_unique<Executor>(*devices_.host, *devices_.host);
  bind_buffers();
  place_stages();
  if (twin != nullptr) share_params(*twin);
  for (const auto& param : params_) {
    if (param->data.buffer == nullptr) param->data.buffer = &make_buffer(make_slot());
    if (param->wants_gradient) param->gradient.buffer = &make_buffer(make_slot());
  }
  for (const auto& stage : stages_) {
    if (stage->layer) prepare_layer(*stage);
  }
  if (twin == nullptr) fill_params();
  set_loss_gradients();
}

void Net::bind_buffers() {
  std::vector<memory::Slot*> slots;
  for (int i = 0; i < n_slots_; ++i)
    slots.push_back(&make_slot());
  std::vector<memory::Buffer*> buffers;
  for (const int slot : buffer_slots_)
    buffers.push_back(&make_buffer(*slots[static_cast<size_t>(slot)]));
  for (const auto& [tensor, buffer] : tensor_buffers_)
    tensor->buffer = buffers[static_cast<size_t>(buffer)];
}

void Net::place_stages() {
  for (const auto& stage : stages_) {
    if (stage->layer) place_stage(*stage);
  }
}

// A layer runs on the job's device when that can run its kernels; layers for the host's memory go
// to the host.
void Net::place_stage(Stage& stage) {
  LayerNode& layer = *stage.layer;
  memory::Device& device = *devices_.primary;
  layer.context.executor = main_executor_.get();
  std::string reason;
  if (layer.facts.host_only != 0) {
    layer.context.executor = host_executor_.get();
    return;
  }
  if (!device.has_kernels() && !device.works_in_host_memory()) {
    reason = "the device runs no portable kernels";
  } else if (options_.dtype == DLR_F64 && device.info().float64 == 0) {
    reason = "the device has no float64";
  }
  if (reason.empty()) return;
  const std::string message =
      fmt::format("{}device '{}' can't run it: {}", layer.subject(), device.name(), reason);
  if (options_.fallback == Fallback::kError) {
    base::fail_input(stage.config.where(),
                     message + "; `fallback: allow` (or --fallback allow) puts it on the host");
  }
  if (options_.fallback == Fallback::kWarn) spdlog::warn("{}; it runs on the host", message);
  stage.placed_on_host_because = reason;
  layer.context.executor = host_executor_.get();
}

void Net::prepare_layer(Stage& stage) {
  LayerNode& layer = *stage.layer;
  for (const int bottom : stage.bottoms)
    layer.bottoms.push_back(&values_[static_cast<size_t>(bottom)]->data);
  for (const int top : stage.tops) {
    Value& value = *values_[static_cast<size_t>(top)];
    layer.tops.push_back(&value.data);
    layer.top_gradients.push_back(value.needs_gradient ? &value.gradient : nullptr);
  }
  prepare_gradients(stage);
  for (const ParamDecl& decl : layer.params)
    layer.param_tensors.push_back(&params_[static_cast<size_t>(decl.param)]->data);
  layer.param_gradients.assign(layer.params.size(), nullptr);
  layer.fill = [this, &layer](dlr_tensor& tensor, const dlr_params& filler) {
    fill_tensor(catalogue_, *layer.context.executor, tensor, filler, layer.context.random_key);
  };

  // Operators of a pair are planned together or not at all, and share a reserve.
  std::map<int64_t, bool> pair_planned;
  for (Operator& op : layer.operators) {
    layer.context.executor->plan(op);
    const int64_t pair = op.integer("pair", -1);
    if (pair < 0) continue;
    pair_planned.try_emplace(pair, true);
    pair_planned[pair] = pair_planned[pair] && op.device != nullptr;
  }
  std::map<int64_t, std::pair<memory::Device*, uint64_t>> reserves;
  uint64_t workspace = 0;
  for (Operator& op : layer.operators) {
    const int64_t pair = op.integer("pair", -1);
    if (pair >= 0 && !pair_planned[pair]) {
      op.plan.reset();
      op.device = nullptr;
    }
    if (op.device == nullptr) continue;
    workspace = std::max(workspace, op.workspace_bytes);
    if (pair >= 0) {
      auto& [device, bytes] = reserves[pair];
      device = op.device;
      bytes = std::max(bytes, op.reserve_bytes);
    }
  }
  std::map<int64_t, dlr_mem> reserve_memory;
  for (const auto& [pair, need] : reserves) {
    if (need.second == 0) continue;
    reserve_memory[pair] = need.first->allocate(need.second);
    workspaces_.emplace_back(need.first, reserve_memory[pair]);
  }
  for (const Operator& op : layer.operators) {
    const auto found = reserve_memory.find(op.integer("pair", -1));
    layer.reserves.push_back(found == reserve_memory.end() ? dlr_mem{} : found->second);
  }
  layer.workspace = shared_workspace(layer.context.executor->device(), workspace);
}

// Where this stage's backward writes, and the sums behind it: parts beyond a value's first are
// added to it, and so are the gradients of views.
void Net::prepare_gradients(Stage& stage) {
  stage.layer->bottom_gradients.assign(stage.bottoms.size(), nullptr);
  for (const auto& value : values_) {
    for (size_t i = 0; i < value->parts.size(); ++i) {
      const GradientPart& part = value->parts[i];
      if (stages_[static_cast<size_t>(part.use.stage)].get() != &stage) continue;
      if (part.view_top < 0)
        stage.layer->bottom_gradients[static_cast<size_t>(part.use.bottom)] = part.tensor;
      dlr_tensor* from =
          part.view_top < 0 ? part.tensor : &values_[static_cast<size_t>(part.view_top)]->gradient;
      if (from->buffer != value->gradient.buffer)
        stage.sums.push_back({from, &value->gradient, i == 0});
    }
  }
}

// One workspace per device for all layers, as large as the largest asked for. Layers prepared
// earlier keep the smaller one they got, which stays allocated.
dlr_mem Net::shared_workspace(memory::Device& device, uint64_t bytes) {
  if (bytes == 0) return {};
  if (workspace_.bytes < bytes) {
    workspace_ = device.allocate(bytes);
    workspaces_.emplace_back(&device, workspace_);
  }
  return workspace_;
}

void Net::share_params(Net& twin) {
  for (const auto& param : params_) {
    Param* lent = twin.find_param(param->layer, param->index);
    if (lent == nullptr) continue;
    if (!memory::same_shape(lent->data.desc, param->data.desc)) {
      base::fail_input(
          param->where.where(),
          fmt::format("layer '{}': parameter {} has another shape than in the net that is trained",
                      param->layer, param->index));
    }
    param->data.buffer = lent->data.buffer;
  }
}

void Net::fill_params() {
  for (const auto& param : params_) {
    if (param->filler == nullptr) continue;
    const dlr_random_key key{
        options_.seed,
        base::stream_of(param->layer, 0xFFFF0000u + static_cast<uint64_t>(param->index))};
    fill_tensor(catalogue_, *host_executor_, param->data, *param->filler, key);
  }
}

Net::~Net() {
  for (const auto& stage : stages_) {
    if (stage->layer) stage->layer->operators.clear();  // plans before their devices
  }
  for (const auto& [device, mem] : workspaces_)
    device->release(mem);
}

std::vector<std::string> Net::placement_report() const {
  std::map<std::string, int> layers_on;
  std::map<std::pair<std::string, std::string>, int> elsewhere;  // (device, operator) -> how often
  int n_layers = 0;
  std::vector<std::string> lines;
  for (const auto& stage : stages_) {
    if (!stage->layer) continue;
    ++n_layers;
    const bool on_host = stage->layer->context.executor == host_executor_.get();
    if (!on_host) ++layers_on[devices_.primary->name()];
    if (!stage->placed_on_host_because.empty()) {
      lines.push_back(fmt::format("on host: {} '{}' ({})", stage->layer->type_name, stage->name,
                                  stage->placed_on_host_because));
    }
    for (const Operator& op : stage->layer->operators) {
      if (op.device != nullptr && op.device != devices_.primary.get() && !on_host)
        ++elsewhere[{op.device->name(), op.op}];
    }
  }
  for (const auto& [who, count] : elsewhere) {
    lines.push_back(fmt::format("{} runs {} for {} of them, which {} declined", who.first,
                                who.second, count, devices_.primary->name()));
  }
  lines.insert(lines.begin(), fmt::format("{} runs {} of {} layers", devices_.primary->name(),
                                          layers_on[devices_.primary->name()], n_layers));
  return lines;
}

}  // namespace dlrun::net
