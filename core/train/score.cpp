#include "core/train/score.hpp"

#include <fmt/format.h>

#include "core/train/weights.hpp"

namespace dlrun::train {

std::string Score::text() const {
  return element < 0 ? fmt::format("{} = {:.6g}", name, value)
                     : fmt::format("{}[{}] = {:.6g}", name, element, value);
}

std::vector<Score> score_net(net::Net& net, int64_t batches) {
  std::vector<Score> scores;
  const std::vector<net::Value*> outputs = net.outputs();
  for (int64_t batch = 0; batch < batches; ++batch) {
    net.forward();
    size_t at = 0;
    for (const net::Value* value : outputs) {
      const std::vector<double> elements = read_blob(net, value->data).to_doubles();
      for (size_t i = 0; i < elements.size(); ++i, ++at) {
        if (batch == 0)
          scores.push_back({value->name, elements.size() > 1 ? static_cast<int64_t>(i) : -1, 0});
        scores[at].value += elements[i] / static_cast<double>(batches);
      }
    }
  }
  return scores;
}

}  // namespace dlrun::train
