// When each layer of a net ran: by the device's clock where the device has a profiler, else by the
// host's, waiting for the device before and behind the layer.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/memory/profiler.hpp"
#include "core/net/net.hpp"

namespace dlrun::train {

// The host's work for one layer in one pass; for layers timed by the host all of it.
struct LayerSpan {
  size_t stage;
  bool backward;
  int64_t begin_ns;  // of the host's steady clock
  int64_t end_ns;
};

struct DeviceWork {
  std::string device;
  std::vector<memory::Span> spans;  // labelled 1 + index of the layer's span; 0: no layer's
};

struct Timeline {
  std::vector<LayerSpan> layers;    // in the order of time
  std::vector<DeviceWork> devices;  // those with a profiler
};

// Whether the layer's time is what its device measured.
bool is_timed_by_device(const net::Stage& stage);

// Observes a net while it lives.
class LayerClock : public net::StageObserver {
 public:
  explicit LayerClock(net::Net& net);
  ~LayerClock() override;

  void before(size_t stage, bool backward) override;
  void after(size_t stage, bool backward) override;
  // Waits for all work; everything up to now.
  Timeline timeline();

 private:
  net::Net& net_;
  std::vector<std::unique_ptr<memory::Profiler>> profilers_;
  Timeline timeline_;
};

}  // namespace dlrun::train
