#include "core/train/layer_clock.hpp"

namespace dlrun::train {

bool is_timed_by_device(const net::Stage& stage) {
  if (!stage.layer) return false;
  const memory::Device& device = stage.layer->context.executor->device();
  return device.has_profiler() && device.has_kernels();
}

LayerClock::LayerClock(net::Net& net) : net_(net) {
  for (memory::Device* device : net.devices()) {
    if (!device->has_profiler()) continue;
    profilers_.push_back(std::make_unique<memory::Profiler>(*device));
    timeline_.devices.push_back({device->name(), {}});
  }
  net_.observe(this);
}

LayerClock::~LayerClock() {
  net_.observe(nullptr);
}

void LayerClock::before(size_t stage, bool backward) {
  if (!is_timed_by_device(*net_.stages()[stage])) net_.synchronize();
  timeline_.layers.push_back({stage, backward, 0, 0});
  for (const auto& profiler : profilers_)
    profiler->label(timeline_.layers.size());
  timeline_.layers.back().begin_ns = memory::host_time_ns();
}

void LayerClock::after(size_t stage, bool) {
  if (!is_timed_by_device(*net_.stages()[stage])) net_.synchronize();
  timeline_.layers.back().end_ns = memory::host_time_ns();
  for (const auto& profiler : profilers_)
    profiler->label(0);
}

Timeline LayerClock::timeline() {
  for (size_t i = 0; i < profilers_.size(); ++i) {
    for (memory::Span& span : profilers_[i]->collect())
      timeline_.devices[i].spans.push_back(std::move(span));
  }
  return timeline_;
}

}  // namespace dlrun::train
