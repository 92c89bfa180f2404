#include "core/model_io/weights_binary.hpp"

#include <fmt/format.h>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/model_io/blob_proto.hpp"
#include "core/model_io/file_kind.hpp"
#include "core/model_io/file_writer.hpp"
#include "core/model_io/mapped_file.hpp"
#include "core/model_io/wire.hpp"

namespace dlrun::model_io {
namespace {

// Field numbers of NetParameter, and of its three generations of layer messages.
constexpr uint32_t kNetName = 1;
constexpr uint32_t kOldLayers = 2;
constexpr uint32_t kLayer = 100;
constexpr uint32_t kInnerLayer = 1;  // in a V0 connection, the V0 layer itself

struct LayerFields {
  uint32_t name;
  uint32_t type;  // as a string; 0 where it is an enum
  uint32_t blobs;
};
constexpr LayerFields kV2 = {.name = 1, .type = 2, .blobs = 7};
constexpr LayerFields kV1 = {.name = 4, .type = 0, .blobs = 6};
constexpr LayerFields kV0 = {.name = 1, .type = 2, .blobs = 50};

std::string describe(const LayerWeights& layer, size_t index) {
  return layer.name.empty() ? fmt::format("layer {} (unnamed)", index)
                            : fmt::format("layer '{}'", layer.name);
}

// Blobs are parsed after the rest, so that a message about one can name its layer.
LayerWeights parse_layer(const WireField& message, const LayerFields& fields, size_t index) {
  LayerWeights layer;
  std::vector<WireField> blobs;
  try {
    WireReader reader(message);
    for (WireField field; reader.next(field);) {
      if (field.type != WireType::kBytes) continue;
      if (field.number == fields.name) layer.name = field.bytes;
      if (field.number == fields.type) layer.type = field.bytes;
      if (field.number == fields.blobs) blobs.push_back(field);
    }
  } catch (const WireError& error) {
    throw WireError(error.offset(), fmt::format("{}: {}", describe(layer, index), error.what()));
  }
  for (const WireField& blob : blobs) {
    try {
      layer.blobs.push_back(parse_blob(WireReader(blob), blob.offset));
    } catch (const WireError& error) {
      throw WireError(error.offset(), fmt::format("{}: blob {}: {}", describe(layer, index),
                                                  layer.blobs.size(), error.what()));
    }
  }
  return layer;
}

// `layers` holds V1 layers, or V0 connections around a V0 layer.
LayerWeights parse_old_layer(const WireField& message, size_t index) {
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    if (field.is(kInnerLayer, WireType::kBytes)) return parse_layer(field, kV0, index);
  }
  return parse_layer(message, kV1, index);
}

std::vector<LayerWeights> parse_net(std::string_view bytes) {
  std::vector<LayerWeights> layers;
  WireReader reader(bytes);
  for (WireField field; reader.next(field);) {
    if (field.is(kLayer, WireType::kBytes)) {
      layers.push_back(parse_layer(field, kV2, layers.size()));
    } else if (field.is(kOldLayers, WireType::kBytes)) {
      layers.push_back(parse_old_layer(field, layers.size()));
    }
  }
  return layers;
}

void write_layer(const std::filesystem::path& path, FileWriter& file, const LayerWeights& layer) {
  std::string head;
  append_bytes_field(head, kV2.name, layer.name);
  if (!layer.type.empty()) append_bytes_field(head, kV2.type, layer.type);

  std::vector<EncodedBlob> blobs;
  std::vector<std::string> headers;
  uint64_t size = head.size();
  for (const HostBlob& blob : layer.blobs) {
    if (!blob.present) continue;
    require_complete(blob, path);
    blobs.push_back(encode_blob(blob));
    append_bytes_header(headers.emplace_back(), kV2.blobs, blobs.back().size());
    size += headers.back().size() + blobs.back().size();
  }

  std::string layer_header;
  append_bytes_header(layer_header, kLayer, size);
  file.write(layer_header + head);
  for (size_t i = 0; i < blobs.size(); ++i) {
    file.write(headers[i]);
    write_encoded_blob(file, blobs[i]);
  }
}

}  // namespace

std::vector<LayerWeights> read_binary_weights(const std::filesystem::path& path) {
  const MappedFile file(path);
  require_kind(path, file.bytes(), FileKind::kWeights);
  try {
    std::vector<LayerWeights> layers = parse_net(file.bytes());
    if (layers.empty()) {
      base::fail_input({path.string()}, "holds no layers; expected a .caffemodel");
    }
    return layers;
  } catch (const WireError& error) {
    base::fail_input({path.string()},
                     fmt::format("is damaged or no .caffemodel: {} (at byte {} of {})",
                                 error.what(), error.offset(), file.bytes().size()));
  }
}

void write_binary_weights(const std::filesystem::path& path, const std::string& net_name,
                          const std::vector<LayerWeights>& layers) {
  base::replace_file(path, [&](const std::filesystem::path& temporary) {
    FileWriter file(path, temporary);
    std::string head;
    append_bytes_field(head, kNetName, net_name);
    file.write(head);
    for (const LayerWeights& layer : layers)
      write_layer(path, file, layer);
    file.close();
  });
}

}  // namespace dlrun::model_io
