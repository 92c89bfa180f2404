#include "core/model_io/weights_hdf5.hpp"

#include <fmt/format.h>

#include <charconv>
#include <map>

#include "core/base/error.hpp"
#include "core/model_io/hdf5_file.hpp"
#include "core/model_io/hdf5_writer.hpp"

namespace dlrun::model_io {
namespace {

constexpr size_t kMostBlobs = 4096;  // of one layer; more can only be a damaged name

// "conv1/0" is blob 0 of layer "conv1"; a layer's name may hold slashes itself.
struct BlobName {
  std::string layer;
  size_t index = 0;
};

BlobName split_name(const Hdf5File& file, const std::string& name) {
  const size_t slash = name.rfind('/');
  BlobName result;
  const char* const end = name.data() + name.size();
  const char* const digits = name.data() + (slash == std::string::npos ? 0 : slash + 1);
  const auto [stop, error] = std::from_chars(digits, end, result.index);
  if (slash == std::string::npos || error != std::errc() || stop != end ||
      result.index >= kMostBlobs) {
    base::fail_input(
        {file.path().string()},
        fmt::format("dataset 'data/{}' is no blob of a layer, expected 'data/LAYER/0', "
                    "'data/LAYER/1' ...",
                    name));
  }
  result.layer = name.substr(0, slash);
  return result;
}

void check_is_weights(const Hdf5File& file) {
  if (file.is_group("data")) return;
  const bool state = file.has("iter") && file.has("history");
  base::fail_input({file.path().string()},
                   state ? "is a file of solver state (.solverstate.h5), expected a file of weights"
                         : "has no group 'data', expected a .caffemodel.h5");
}

}  // namespace

std::vector<LayerWeights> read_hdf5_weights(const std::filesystem::path& path) {
  const Hdf5File file = Hdf5File::open(path);
  check_is_weights(file);
  std::map<std::string, std::vector<HostBlob>> layers;
  for (const std::string& name : file.members("data")) {
    if (file.is_group("data/" + name) && file.members("data/" + name).empty()) layers[name];
  }
  for (const Hdf5Dataset& dataset : file.datasets("data")) {
    const BlobName name = split_name(file, dataset.name.substr(sizeof("data/") - 1));
    std::vector<HostBlob>& blobs = layers[name.layer];
    if (blobs.size() <= name.index) blobs.resize(name.index + 1, HostBlob::absent());
    blobs[name.index] = file.read(dataset.name);
  }
  std::vector<LayerWeights> result;
  for (auto& [name, blobs] : layers)
    result.push_back({name, "", std::move(blobs)});
  return result;
}

void write_hdf5_weights(const std::filesystem::path& path, const std::string& net_name,
                        const std::vector<LayerWeights>& layers) {
  write_hdf5(path, [&](Hdf5Writer& file) {
    file.make_group("data");
    file.set_attribute("", "net", net_name);
    for (const LayerWeights& layer : layers) {
      const std::string group = "data/" + layer.name;
      file.make_group(group);
      for (size_t i = 0; i < layer.blobs.size(); ++i) {
        if (layer.blobs[i].present) file.write(fmt::format("{}/{}", group, i), layer.blobs[i]);
      }
    }
  });
}

}  // namespace dlrun::model_io
