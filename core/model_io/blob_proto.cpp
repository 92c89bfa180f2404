#include "core/model_io/blob_proto.hpp"

#include <fmt/format.h>

#include <array>

namespace dlrun::model_io {
namespace {

constexpr uint32_t kData = 5;
constexpr uint32_t kShape = 7;
constexpr uint32_t kDoubleData = 8;
constexpr uint32_t kDim = 1;  // of BlobShape
constexpr size_t kMostAxes = 32;
constexpr size_t kLegacyAxes = 4;  // num, channels, height, width: fields 1 to 4

// Packed values come as one run of bytes, others as a field each.
template <typename Number>
void append_values(const WireField& field, std::vector<Number>& values) {
  constexpr WireType kSingle = sizeof(Number) == 4 ? WireType::kFixed32 : WireType::kFixed64;
  if (field.type == kSingle) {
    Number number;
    std::memcpy(&number, &field.value, sizeof(number));
    values.push_back(number);
    return;
  }
  if (field.type != WireType::kBytes) {
    throw WireError(field.offset,
                    fmt::format("data of wire type {}", static_cast<int>(field.type)));
  }
  if (field.bytes.size() % sizeof(Number) != 0) {
    throw WireError(field.offset,
                    fmt::format("{} bytes of data are no whole number of values of {} bytes",
                                field.bytes.size(), sizeof(Number)));
  }
  if (field.bytes.empty()) return;
  const size_t begin = values.size();
  values.resize(begin + field.bytes.size() / sizeof(Number));
  std::memcpy(values.data() + begin, field.bytes.data(), field.bytes.size());
}

void append_dim(uint64_t value, uint64_t offset, std::vector<int64_t>& shape) {
  if (shape.size() == kMostAxes) {
    throw WireError(offset, fmt::format("a shape of more than {} axes", kMostAxes));
  }
  shape.push_back(static_cast<int64_t>(value));
}

void parse_shape(const WireField& message, std::vector<int64_t>& shape) {
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    if (field.is(kDim, WireType::kVarint)) {
      append_dim(field.value, field.offset, shape);
    } else if (field.is(kDim, WireType::kBytes)) {
      WireReader packed(field);
      for (uint64_t value; packed.next_varint(value);)
        append_dim(value, field.offset, shape);
    }
  }
}

void check_count(const HostBlob& blob, uint64_t offset) {
  const int64_t count = element_count(blob.shape);
  if (count < 0) {
    throw WireError(offset, fmt::format("the impossible shape {}", shape_to_string(blob.shape)));
  }
  if (static_cast<uint64_t>(count) != blob.value_count()) {
    throw WireError(offset, fmt::format("{} values, but shape {} has {}", blob.value_count(),
                                        shape_to_string(blob.shape), count));
  }
}

}  // namespace

HostBlob parse_blob(WireReader reader, uint64_t offset) {
  HostBlob blob;
  std::vector<float> floats;
  std::vector<double> doubles;
  std::array<int64_t, kLegacyAxes> legacy{};
  for (WireField field; reader.next(field);) {
    if (field.number == kData) {
      append_values(field, floats);
    } else if (field.number == kDoubleData) {
      append_values(field, doubles);
    } else if (field.is(kShape, WireType::kBytes)) {
      parse_shape(field, blob.shape);
    } else if (field.number <= kLegacyAxes && field.type == WireType::kVarint) {
      blob.legacy_shape = true;
      legacy[field.number - 1] = static_cast<int32_t>(field.value);
    }
  }
  if (blob.legacy_shape) blob.shape.assign(legacy.begin(), legacy.end());
  if (doubles.empty()) {
    blob.values = std::move(floats);
  } else {
    blob.values = std::move(doubles);
  }
  check_count(blob, offset);
  return blob;
}

EncodedBlob encode_blob(const HostBlob& blob) {
  EncodedBlob encoded;
  std::string shape;
  if (blob.legacy_shape && blob.shape.size() == kLegacyAxes) {
    for (uint32_t axis = 0; axis < kLegacyAxes; ++axis) {
      append_varint_field(encoded.before, axis + 1, static_cast<uint64_t>(blob.shape[axis]));
    }
  } else {
    std::string dims;
    for (const int64_t axis : blob.shape)
      append_varint(dims, static_cast<uint64_t>(axis));
    std::string message;
    if (!dims.empty()) append_bytes_field(message, kDim, dims);
    append_bytes_field(shape, kShape, message);
  }
  // In the order of the field numbers, as protobuf writes: data = 5, shape = 7, double_data = 8.
  encoded.values = {static_cast<const char*>(blob.data()), blob.byte_size()};
  if (blob.type() == DataType::kFloat64) {
    encoded.before += shape;
    append_bytes_header(encoded.before, kDoubleData, encoded.values.size());
  } else {
    append_bytes_header(encoded.before, kData, encoded.values.size());
    encoded.after = std::move(shape);
  }
  return encoded;
}

void write_encoded_blob(FileWriter& file, const EncodedBlob& blob) {
  file.write(blob.before);
  file.write(blob.values);
  file.write(blob.after);
}

}  // namespace dlrun::model_io
