// dlr_data_api: datums decoded for plugins, and databases opened through the plugin that serves
// their kind.
#include <fmt/format.h>

#include "core/base/error.hpp"
#include "core/host/error.hpp"
#include "core/host/host_table.hpp"
#include "core/host/params.hpp"
#include "core/model_io/blob_file.hpp"
#include "core/model_io/datum.hpp"
#include "core/model_io/image_codec.hpp"
#include "core/net/catalogue.hpp"

// Memory that decoding reuses.
struct dlr_decoder {
  dlrun::model_io::Datum datum;
  dlrun::model_io::Image image;
  std::vector<float> blob;
};

struct dlr_database {
  const dlr_database_type* type;
  void* self;
};

namespace dlrun::host {
namespace {

dlr_array make_array(const void* data, uint32_t dtype, std::initializer_list<int64_t> shape) {
  dlr_array array{};
  array.data = const_cast<void*>(data);
  array.dtype = dtype;
  uint64_t count = 1;
  for (const int64_t dim : shape) {
    array.dim[array.rank++] = dim;
    count *= static_cast<uint64_t>(dim);
  }
  array.bytes = count * ((dtype & 0xFFu) / 8);
  return array;
}

dlr_error* open_decoder(dlr_decoder** out) {
  return guard([&] { *out = new dlr_decoder(); });
}
void close_decoder(dlr_decoder* decoder) {
  delete decoder;
}

model_io::ImageColor color_of(uint32_t channels) {
  if (channels == 1) return model_io::ImageColor::kGray;
  return channels == 3 ? model_io::ImageColor::kColor : model_io::ImageColor::kAsStored;
}

dlr_error* decode_datum(dlr_decoder* decoder, dlr_string bytes, uint32_t channels, dlr_datum* out) {
  return guard([&] {
    model_io::Datum& datum = decoder->datum;
    model_io::decode_datum(from_abi(bytes), "a record", datum);
    out->label = datum.label;
    if (datum.encoded) {
      model_io::Image& image = decoder->image;
      model_io::decode_image(datum.data, color_of(channels), "a record", image);
      out->pixels =
          make_array(image.pixels.data(), DLR_U8, {image.channels, image.height, image.width});
    } else if (!datum.float_data.empty()) {
      out->pixels =
          make_array(datum.float_data.data(), DLR_F32, {datum.channels, datum.height, datum.width});
    } else {
      out->pixels =
          make_array(datum.data.data(), DLR_U8, {datum.channels, datum.height, datum.width});
    }
  });
}

dlr_error* decode_blob(dlr_decoder* decoder, dlr_string bytes, dlr_array* out) {
  return guard([&] {
    const model_io::HostBlob blob = model_io::decode_blob(from_abi(bytes), "a BlobProto");
    if (blob.shape.size() > DLR_MAX_RANK) base::fail_input("a BlobProto has more than 8 axes");
    decoder->blob = blob.to_floats();
    *out = make_array(decoder->blob.data(), DLR_F32, {});
    out->rank = static_cast<uint32_t>(blob.shape.size());
    std::copy(blob.shape.begin(), blob.shape.end(), out->dim);
    out->bytes = decoder->blob.size() * sizeof(float);
  });
}

dlr_error* open_database(const dlr_params* asker, dlr_string kind, dlr_string path,
                         dlr_database** out) {
  return guard([&] {
    const std::string name(from_abi(kind));
    const auto& type = asker->owner->catalogue().get<dlr_database_type>(
        "database", name, asker->node.where(), asker->node.subject());
    void* self = nullptr;
    check(type.open(path, 0, &self));
    *out = new dlr_database{&type, self};
  });
}
void close_database(dlr_database* database) {
  if (database == nullptr) return;
  database->type->close(database->self);
  delete database;
}
dlr_error* count(dlr_database* database, uint64_t* out) {
  return database->type->count(database->self, out);
}
dlr_error* first(dlr_database* database) {
  return database->type->first(database->self);
}
dlr_error* next(dlr_database* database, dlr_string* key, dlr_string* value, uint8_t* at_end) {
  return database->type->next(database->self, key, value, at_end);
}

}  // namespace

const dlr_data_api* data_api() {
  static constexpr dlr_data_api kApi = {
      sizeof(dlr_data_api), open_decoder,   close_decoder, decode_datum, decode_blob,
      open_database,        close_database, count,         first,        next};
  return &kApi;
}

}  // namespace dlrun::host
