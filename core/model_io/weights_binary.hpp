// The binary form of weights files; weights.hpp is the interface.
#pragma once

#include "core/model_io/weights.hpp"

namespace dlrun::model_io {

std::vector<LayerWeights> read_binary_weights(const std::filesystem::path& path);
void write_binary_weights(const std::filesystem::path& path, const std::string& net_name,
                          const std::vector<LayerWeights>& layers);

}  // namespace dlrun::model_io
