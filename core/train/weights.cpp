#include "core/train/weights.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.hpp"

namespace dlrun::train {
namespace {

std::vector<int64_t> shape_of(const dlr_tensor& tensor) {
  return {tensor.desc.dim, tensor.desc.dim + tensor.desc.rank};
}

void load_layer(net::Net& net, const net::Stage& stage, const model_io::LayerWeights& layer,
                const std::filesystem::path& file) {
  const size_t wanted = stage.layer->params.size();
  if (layer.blobs.size() != wanted) {
    base::fail_input(
        {file.string()},
        fmt::format("layer '{}': the file holds {} blobs, the net's layer has {} parameters; "
                    "rename the layer to train it from scratch",
                    layer.name, layer.blobs.size(), wanted));
  }
  for (size_t i = 0; i < wanted; ++i) {
    net::Param& param = *net.find_param(stage.name, static_cast<int>(i));
    const model_io::HostBlob& blob = layer.blobs[i];
    if (!blob.present) continue;
    const std::vector<int64_t> shape = shape_of(param.data);
    if (!blob.shape_fits(shape)) {
      base::fail_input(
          {file.string()},
          fmt::format(
              "layer '{}': parameter {} has shape {} in the file, but the net wants {}; rename the "
              "layer to train it from scratch",
              layer.name, i, model_io::shape_to_string(blob.shape),
              model_io::shape_to_string(shape)));
    }
    write_blob(net, param.data, blob);
  }
}

}  // namespace

model_io::HostBlob read_blob(net::Net& net, const dlr_tensor& tensor) {
  const auto count = static_cast<size_t>(memory::element_count(tensor.desc));
  if (tensor.desc.dtype == DLR_F64) {
    std::vector<double> values(count);
    net.read(tensor, values.data());
    return model_io::HostBlob::of_doubles(shape_of(tensor), std::move(values));
  }
  std::vector<float> values(count);
  net.read(tensor, values.data());
  return model_io::HostBlob::of_floats(shape_of(tensor), std::move(values));
}

void write_blob(net::Net& net, dlr_tensor& tensor, const model_io::HostBlob& blob) {
  if (tensor.desc.dtype == DLR_F64) {
    net.write(tensor, blob.to_doubles().data());
  } else {
    net.write(tensor, blob.to_floats().data());
  }
}

std::vector<model_io::LayerWeights> weights_of(net::Net& net) {
  std::vector<model_io::LayerWeights> layers;
  for (const auto& stage : net.stages()) {
    model_io::LayerWeights layer{stage->name, stage->config.text("type"), {}};
    const size_t n = stage->layer ? stage->layer->params.size() : 0;
    for (size_t i = 0; i < n; ++i) {
      layer.blobs.push_back(read_blob(net, net.find_param(stage->name, static_cast<int>(i))->data));
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

LoadedWeights load_weights(net::Net& net, const std::filesystem::path& file) {
  LoadedWeights result;
  const std::vector<model_io::LayerWeights> layers = model_io::read_weights(file);
  for (const model_io::LayerWeights& layer : layers) {
    const net::Stage* stage = net.find_stage(layer.name);
    if (stage == nullptr) {
      if (!layer.blobs.empty()) result.unused.push_back(layer.name);
      continue;
    }
    if (layer.blobs.empty() || !stage->layer) continue;
    load_layer(net, *stage, layer, file);
    ++result.layers;
  }
  for (const auto& stage : net.stages()) {
    if (!stage->layer || stage->layer->params.empty()) continue;
    const bool named = std::any_of(layers.begin(), layers.end(), [&](const auto& layer) {
      return layer.name == stage->name && !layer.blobs.empty();
    });
    if (!named) result.without_values.push_back(stage->name);
  }
  return result;
}

}  // namespace dlrun::train
