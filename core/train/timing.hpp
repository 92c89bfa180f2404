// How long a net's passes take, as a whole and layer by layer.
#pragma once

#include <string>
#include <vector>

#include "core/net/moves.hpp"
#include "core/net/net.hpp"
#include "core/train/layer_clock.hpp"

namespace dlrun::train {

struct LayerTime {
  std::string layer;
  std::string type;
  double forward = 0;  // seconds a pass, mean
  double backward = 0;
  bool by_device = false;  // what its device measured; else the host, waiting behind the layer
};

struct NetTime {
  int64_t iterations = 0;
  double forward = 0;  // seconds a pass, median
  double backward = 0;
  memory::Traffic traffic;       // of the timed passes together
  std::vector<net::Move> moves;  // of one pass
  // Only when asked for, from passes of their own.
  std::vector<LayerTime> layers;
  Timeline timeline;
};

// One pass to warm up, then `iterations` timed ones. Without `with_backward` only forward.
NetTime time_net(net::Net& net, int64_t iterations, bool with_backward, bool per_layer);

// What moves in a pass, for people: "2 conversions (1.5 MB), 1 copy to devices (0.5 MB), ..."; ""
// when nothing does.
std::string traffic_text(const memory::Traffic& traffic, int64_t passes);

}  // namespace dlrun::train
