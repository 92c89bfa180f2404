// The third step of building a net: buffers, gradients, first values of parameters. Where layers
// run is in placement.cpp.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.hpp"
#include "core/base/keys.hpp"
#include "core/net/fill.hpp"
#include "core/net/net.hpp"

namespace dlrun::net {
namespace {

// Which of a layer's tensors it is: tensors that one filler fills in one pass get different values.
uint64_t position_of(const LayerNode& layer, const dlr_tensor& tensor) {
  const auto top = std::find(layer.tops.begin(), layer.tops.end(), &tensor);
  if (top != layer.tops.end()) return static_cast<uint64_t>(top - layer.tops.begin());
  const auto scratch =
      std::find_if(layer.scratch.begin(), layer.scratch.end(),
                   [&](const ScratchDecl& decl) { return &decl.tensor == &tensor; });
  return layer.tops.size() + static_cast<uint64_t>(scratch - layer.scratch.begin());
}

}  // namespace

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
  host_executor_ = &executor_on(*devices_.host);
  main_executor_ = &executor_on(*devices_.primary);
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
    dlr_random_key key = layer.context.random_key;
    key.stream ^= base::stream_part(position_of(layer, tensor));
    fill_tensor(catalogue_, *layer.context.executor, tensor, filler, key);
  };
}

// Where this stage's backward writes, and the sums behind it: parts beyond a value's first are
// added to it, and so are the gradients of views and the weight that it has itself.
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
      if (i == 0 && value->loss_weight != 0) {
        value->loss_part = make_tensor(value->gradient.desc);
        stage.sums.push_back({value->loss_part.get(), &value->gradient, false});
      }
    }
  }
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
    if (param->filler == nullptr) {
      if (param->value != 0) set_all(*host_executor_, param->data, param->value);
      continue;
    }
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
  for (const auto& [device, mem] : operator_memory_)
    device->release(mem);
}

}  // namespace dlrun::net
