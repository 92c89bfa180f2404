// Weights between files and nets.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/model_io/weights.hpp"
#include "core/net/net.hpp"

namespace dlrun::train {

// Every layer of the net with its parameters, shared ones under each of their layers, as Caffe
// writes them.
std::vector<model_io::LayerWeights> weights_of(net::Net& net);

struct LoadedWeights {
  int layers = 0;                           // that took values
  std::vector<std::string> without_values;  // layers with parameters that the file doesn't name
  std::vector<std::string> unused;          // layers of the file that the net hasn't
};

// Copies by layer name; layers only in one of the two are left alone. A blob of another shape is an
// error that says how to train that layer from scratch.
LoadedWeights load_weights(net::Net& net, const std::filesystem::path& file);

// A parameter's or history's values as a blob, and back.
model_io::HostBlob read_blob(net::Net& net, const dlr_tensor& tensor);
void write_blob(net::Net& net, dlr_tensor& tensor, const model_io::HostBlob& blob);

}  // namespace dlrun::train
