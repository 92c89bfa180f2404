// Forward and backward, and looking at what they left.
#include <cstring>

#include "core/base/keys.hpp"
#include "core/host/threads.hpp"
#include "core/net/core_kernels.hpp"
#include "core/net/net.hpp"

namespace dlrun::net {
namespace {

dlr_arg tensor_arg(dlr_tensor* tensor, uint32_t access) {
  return {tensor, 0, 0, access, 0};
}
dlr_arg real_arg(double value) {
  return {nullptr, value, 0, DLR_SCALAR, 0};
}

}  // namespace

double Net::forward() {
  const host::ThreadBudget budget(options_.threads);
  for (size_t i = 0; i < stages_.size(); ++i) {
    if (observer_ != nullptr) observer_->before(i, false);
    forward_stage(*stages_[i]);
    if (observer_ != nullptr) observer_->after(i, false);
  }
  ++pass_;
  double objective = 0;
  for (const auto& value : values_) {
    if (value->loss_weight != 0) objective += value->loss_weight * loss_of(*value);
  }
  return objective;
}

void Net::forward_stage(Stage& stage) {
  if (stage.feed) return feed_stage(stage);
  if (stage.is_view || stage.fused_into != nullptr) return;
  stage.layer->context.random_key = {options_.seed, base::stream_of(stage.name, pass_)};
  stage.layer->forward();
}

void Net::feed_stage(Stage& stage) {
  feed_addresses_.clear();
  for (const int top : stage.tops) {
    feed_addresses_.push_back(
        host_executor_->map(values_[static_cast<size_t>(top)]->data, DLR_WRITE));
  }
  if (!skips_work_) stage.feed->next(feed_addresses_);
}

void Net::begin_iteration() {
  for (const auto& param : params_)
    param->gradient_written = false;
}

// The gradient of a loss that nobody reads is its weight, and stays so: nobody writes it.
void Net::set_loss_gradients() {
  for (const auto& value : values_) {
    if (value->loss_weight == 0 || !value->needs_gradient) continue;
    dlr_tensor& place = value->parts.empty() ? value->gradient : *value->loss_part;
    set_all(*host_executor_, place, value->loss_weight);
  }
}

void Net::backward() {
  const host::ThreadBudget budget(options_.threads);
  for (size_t i = stages_.size(); i-- > 0;) {
    if (!stages_[i]->runs_backward) continue;
    if (observer_ != nullptr) observer_->before(i, true);
    backward_stage(*stages_[i]);
    if (observer_ != nullptr) observer_->after(i, true);
  }
}

void Net::backward_stage(Stage& stage) {
  LayerNode& layer = *stage.layer;
  if (!stage.is_view) {
    choose_param_gradients(stage);
    layer.backward();
    add_param_gradients(stage);
  }
  for (const SumStep& step : stage.sums) {
    copy_tensor(*layer.context.executor, step.is_first ? kernels::core_copy : kernels::core_add,
                *step.from, *step.to);
  }
}

// The first gradient of an iteration is written in place, later ones (iter_size, shared parameters)
// beside it.
void Net::choose_param_gradients(Stage& stage) {
  LayerNode& layer = *stage.layer;
  for (size_t i = 0; i < layer.params.size(); ++i) {
    Param& param = *params_[static_cast<size_t>(layer.params[i].param)];
    layer.param_gradients[i] = nullptr;
    if (!param.wants_gradient) continue;
    if (!param.gradient_written) {
      layer.param_gradients[i] = &param.gradient;
      if (layer.facts.gradients_accumulate != 0) zero(param.gradient);
    } else {
      layer.param_gradients[i] = &beside(param);
      if (layer.facts.gradients_accumulate != 0) zero(*param.beside);
    }
  }
}

dlr_tensor& Net::beside(Param& param) {
  if (param.beside == nullptr) param.beside = make_tensor(param.gradient.desc);
  return *param.beside;
}

void Net::zero(dlr_tensor& tensor) {
  set_all(*main_executor_, tensor, 0);
}

void Net::set_all(Executor& executor, dlr_tensor& tensor, double value) const {
  const dlr_arg args[] = {tensor_arg(&tensor, DLR_WRITE), real_arg(value)};
  executor.launch(kernels::core_fill, options_.dtype, memory::element_count(tensor.desc), 1, args,
                  2);
}

void Net::add_param_gradients(Stage& stage) {
  LayerNode& layer = *stage.layer;
  for (size_t i = 0; i < layer.params.size(); ++i) {
    Param& param = *params_[static_cast<size_t>(layer.params[i].param)];
    if (layer.param_gradients[i] == nullptr) continue;
    if (param.gradient_written)
      copy_tensor(*layer.context.executor, kernels::core_add, *param.beside, param.gradient);
    param.gradient_written = true;
  }
}

// core_copy or core_add of one tensor to another of as many elements.
void Net::copy_tensor(Executor& executor, const dlr_kernel& kernel, dlr_tensor from,
                      dlr_tensor& to) {
  if (from.buffer == to.buffer) return;
  from.desc = to.desc;
  const uint32_t access = &kernel == &kernels::core_copy ? DLR_WRITE : DLR_READ_WRITE;
  const dlr_arg args[] = {tensor_arg(&from, DLR_READ), tensor_arg(&to, access)};
  executor.launch(kernel, options_.dtype, memory::element_count(to.desc), 1, args, 2);
}

std::vector<memory::Device*> Net::devices() const {
  std::vector<memory::Device*> devices;
  for (const auto& executor : executors_)
    devices.push_back(&executor->device());
  return devices;
}

void Net::skip_work() {
  skips_work_ = true;
  for (const auto& executor : executors_)
    executor->skip_work();
}

void Net::synchronize() {
  for (const auto& executor : executors_)
    executor->device().synchronize();
}

void Net::read(const dlr_tensor& tensor, void* out) {
  const uint64_t bytes = memory::plain_bytes(tensor.desc);
  const void* from = host_executor_->map(tensor, DLR_READ);
  if (bytes > 0) std::memcpy(out, from, bytes);  // of nothing, a vector has no address
}

void Net::write(dlr_tensor& tensor, const void* values) {
  const uint64_t bytes = memory::plain_bytes(tensor.desc);
  void* to = host_executor_->map(tensor, DLR_WRITE);
  if (bytes > 0) std::memcpy(to, values, bytes);
}

double Net::read_scalar(const dlr_tensor& tensor) {
  const void* from = host_executor_->map(tensor, DLR_READ);
  return tensor.desc.dtype == DLR_F64 ? *static_cast<const double*>(from)
                                      : *static_cast<const float*>(from);
}

double Net::loss_of(const Value& value) {
  const int64_t count = memory::element_count(value.data.desc);
  const void* from = host_executor_->map(value.data, DLR_READ);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    sum += value.data.desc.dtype == DLR_F64 ? static_cast<const double*>(from)[i]
                                            : static_cast<const float*>(from)[i];
  }
  return sum;
}

Value* Net::find_value(const std::string& name) {
  const auto found = latest_.find(name);
  return found == latest_.end() ? nullptr : values_[static_cast<size_t>(found->second)].get();
}

Stage* Net::find_stage(const std::string& name) {
  for (const auto& stage : stages_) {
    if (stage->name == name) return stage.get();
  }
  return nullptr;
}

Param* Net::find_param(const std::string& layer, int index) {
  const Stage* stage = find_stage(layer);
  if (stage == nullptr || !stage->layer || index < 0 ||
      index >= static_cast<int>(stage->layer->params.size()))
    return nullptr;
  return params_[static_cast<size_t>(stage->layer->params[static_cast<size_t>(index)].param)].get();
}

std::vector<Value*> Net::outputs() {
  std::vector<Value*> outputs;
  for (const auto& value : values_) {
    if (value->uses.empty()) outputs.push_back(value.get());
  }
  return outputs;
}

double Net::data_wait_seconds() const {
  double sum = 0;
  for (const auto& stage : stages_) {
    if (stage->feed) sum += stage->feed->waited();
  }
  return sum;
}

}  // namespace dlrun::net
