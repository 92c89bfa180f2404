// How long a net's passes take, as a whole and layer by layer.
#pragma once

#include <string>
#include <vector>

#include "core/net/net.hpp"

namespace dlrun::train {

struct LayerTime {
  std::string layer;
  std::string type;
  double forward = 0;  // seconds a pass, mean
  double backward = 0;
};

struct NetTime {
  int64_t iterations = 0;
  double forward = 0;  // seconds a pass, median
  double backward = 0;
  memory::Traffic traffic;  // of the timed passes together
  std::vector<LayerTime>
      layers;  // only when asked for: timing them waits for the device behind each
};

// One pass to warm up, then `iterations` timed ones. Without `with_backward` only forward.
NetTime time_net(net::Net& net, int64_t iterations, bool with_backward, bool per_layer);

// What moves in a pass, for people: "2 conversions (1.5 MB), 1 copy to devices (0.5 MB), ..."; ""
// when nothing does.
std::string traffic_text(const memory::Traffic& traffic, int64_t passes);

}  // namespace dlrun::train
