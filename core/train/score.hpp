// Scores of a net: its outputs, averaged over batches.
#pragma once

#include <string>
#include <vector>

#include "core/net/net.hpp"

namespace dlrun::train {

struct Score {
  std::string name;
  int64_t element = -1;  // of an output with more than one; else -1
  double value = 0;
  std::string text() const;  // "accuracy = 0.9775", "per_class[3] = 0.98"
};

std::vector<Score> score_net(net::Net& net, int64_t batches);

}  // namespace dlrun::train
