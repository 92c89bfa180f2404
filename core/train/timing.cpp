#include "core/train/timing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

namespace dlrun::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

std::vector<LayerTime> layer_times(const net::Net& net, const Timeline& timeline,
                                   int64_t iterations) {
  std::vector<LayerTime> times(net.stages().size());
  for (size_t i = 0; i < times.size(); ++i) {
    const net::Stage& stage = *net.stages()[i];
    times[i].layer = stage.name;
    times[i].type = stage.config.text("type");
    times[i].by_device = is_timed_by_device(stage);
  }
  const auto add = [&](const LayerSpan& layer, int64_t nanoseconds) {
    LayerTime& time = times[layer.stage];
    (layer.backward ? time.backward : time.forward) +=
        static_cast<double>(nanoseconds) * 1e-9 / static_cast<double>(iterations);
  };
  for (const LayerSpan& layer : timeline.layers) {
    if (!times[layer.stage].by_device) add(layer, layer.end_ns - layer.begin_ns);
  }
  for (const DeviceWork& work : timeline.devices) {
    for (const memory::Span& span : work.spans) {
      if (span.label == 0) continue;
      const LayerSpan& layer = timeline.layers[span.label - 1];
      if (times[layer.stage].by_device) add(layer, span.end_ns - span.begin_ns);
    }
  }
  return times;
}

void pass(net::Net& net, bool with_backward, std::vector<double>* forward,
          std::vector<double>* backward) {
  const Clock::time_point start = Clock::now();
  net.begin_iteration();
  net.forward();
  net.synchronize();
  const double forward_seconds = seconds_since(start);
  const Clock::time_point middle = Clock::now();
  if (with_backward) net.backward();
  net.synchronize();
  if (forward == nullptr) return;
  forward->push_back(forward_seconds);
  backward->push_back(seconds_since(middle));
}

std::string moved(uint64_t times, uint64_t bytes, int64_t passes, const char* what) {
  const auto n = static_cast<double>(passes);
  return fmt::format("{:g} {} ({:.3g} MB)", static_cast<double>(times) / n, what,
                     static_cast<double>(bytes) / n / 1e6);
}

}  // namespace

std::string traffic_text(const memory::Traffic& traffic, int64_t passes) {
  std::vector<std::string> parts;
  const auto add = [&](uint64_t times, uint64_t bytes, const char* what) {
    if (times > 0) parts.push_back(moved(times, bytes, passes, what));
  };
  add(traffic.conversions, traffic.converted_bytes, "conversions of layouts");
  add(traffic.to_device, traffic.to_device_bytes, "copies to devices");
  add(traffic.to_host, traffic.to_host_bytes, "copies to the host");
  return fmt::format("{}", fmt::join(parts, ", "));
}

NetTime time_net(net::Net& net, int64_t iterations, bool with_backward, bool per_layer) {
  NetTime time;
  time.iterations = iterations;
  pass(net, with_backward, nullptr, nullptr);
  std::vector<double> forward;
  std::vector<double> backward;
  const memory::Traffic before = net.traffic();
  for (int64_t i = 0; i < iterations; ++i)
    pass(net, with_backward, &forward, &backward);
  time.traffic = net.traffic() - before;
  time.forward = median(forward);
  time.backward = with_backward ? median(backward) : 0;
  {
    const net::MoveLog log(net);
    pass(net, with_backward, nullptr, nullptr);
    time.moves = log.moves();
  }
  if (!per_layer) return time;
  LayerClock clock(net);
  for (int64_t i = 0; i < iterations; ++i)
    pass(net, with_backward, nullptr, nullptr);
  time.timeline = clock.timeline();
  time.layers = layer_times(net, time.timeline, iterations);
  return time;
}

}  // namespace dlrun::train
