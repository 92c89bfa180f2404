#include "core/conform/layer/subject.hpp"

#include <algorithm>

namespace dlrun::conform {
namespace {

constexpr uint64_t kFirstTop =
    100;  // streams of spread_values: inputs from 0, then tops, then parameters
constexpr uint64_t kFirstParam = 200;

std::size_t count_of(const dlr_tensor& tensor) {
  return static_cast<std::size_t>(memory::element_count(tensor.desc));
}

}  // namespace

std::vector<LayerCase> default_cases(const Ground& ground, const std::string& layer) {
  const auto& type = ground.catalogue.get<dlr_layer_type>("layer", layer, {}, "");
  return default_cases(layer, type.min_bottoms, type.max_bottoms, type.min_tops);
}

Subject::Subject(const Ground& ground, const LayerCase& layer_case, const SubjectOptions& options)
    : case_(layer_case) {
  net::NetOptions net_options;
  net_options.dtype = options.dtype;
  net_options.seed = options.seed;
  net_options.state.is_training = layer_case.is_training;
  net_options.force_backward = layer_case.forces_backward;
  net_options.keep_all = options.keep_all;
  net_options.fallback = options.fallback;
  net_ = std::make_unique<net::Net>(ground.parse_net(net_of(layer_case, options.inputs)),
                                    ground.catalogue, net_options);
  if (!options.with_devices) return;
  net_->prepare(ground.devices);
  set_inputs();
  set_params();
}

// Different values for every input, also between inputs; whole numbers from 0 to 2 for labels.
void Subject::set_inputs() {
  for (std::size_t i = 0; i < case_.inputs.size(); ++i) {
    const std::size_t count = count_of(value(static_cast<int>(i)).data);
    Values values = spread_values(count, i);
    const double apart = count > kMostSpread ? 0 : 0.2 / static_cast<double>(count);
    const double shift = case_.offset + apart * static_cast<double>(i);
    for (std::size_t k = 0; k < count; ++k)
      values[k] = is_labels(case_.inputs[i]) ? static_cast<double>(k % 3) : values[k] + shift;
    inputs_.push_back(values);
  }
}

// Kept state stays as its filler made it.
void Subject::set_params() {
  for (std::size_t i = 0; i < net_->params().size(); ++i) {
    net::Param& param = *net_->params()[i];
    if (!param.is_state)
      set_values(*net_, param.data, spread_values(count_of(param.data), kFirstParam + i));
  }
}

// An in-place layer may have overwritten its input: all are set again for each pass.
void Subject::forward(uint64_t pass) {
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    set_values(*net_, value(static_cast<int>(i)).data, inputs_[i]);
  net_->set_pass(pass);
  net_->forward();
}

void Subject::backward() {
  for (net::Value* made : net_->outputs()) {
    if (made->loss_weight != 0 || made->gradient.buffer == nullptr) continue;
    const auto top = static_cast<uint64_t>(made->producer_top);
    set_values(*net_, made->gradient, spread_values(count_of(made->gradient), kFirstTop + top));
  }
  net_->begin_iteration();
  net_->backward();
}

Values Subject::weights_of(const net::Value& value) const {
  const auto& without = case_.no_gradient;
  if (!value.needs_gradient ||
      std::find(without.begin(), without.end(), value.name) != without.end())
    return {};
  const std::size_t count = count_of(value.data);
  if (value.loss_weight != 0) return Values(count, value.loss_weight);
  return spread_values(count, kFirstTop + static_cast<uint64_t>(value.producer_top));
}

std::vector<Values> Subject::outputs() {
  std::vector<Values> all;
  for (const int top : stage().tops)
    all.push_back(values_of(*net_, value(top).data));
  return all;
}

std::vector<Values> Subject::gradients() {
  std::vector<Values> all;
  for (dlr_tensor* gradient : gradient_tensors())
    all.push_back(values_of(*net_, *gradient));
  return all;
}

std::vector<dlr_tensor*> Subject::gradient_tensors() {
  std::vector<dlr_tensor*> all;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    net::Value& input = value(static_cast<int>(i));
    if (input.needs_gradient) all.push_back(&input.gradient);
  }
  for (const auto& param : net_->params()) {
    if (param->wants_gradient) all.push_back(&param->gradient);
  }
  return all;
}

void Subject::poison(dlr_tensor& tensor) {
  set_values(*net_, tensor, Values(count_of(tensor), kNaN));
}

}  // namespace dlrun::conform
