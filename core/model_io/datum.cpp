#include "core/model_io/datum.hpp"

#include <fmt/format.h>

#include "core/base/error.hpp"
#include "core/model_io/host_blob.hpp"
#include "core/model_io/wire.hpp"

namespace dlrun::model_io {
namespace {

enum Field : uint32_t {
  kChannels = 1,
  kHeight = 2,
  kWidth = 3,
  kData = 4,
  kLabel = 5,
  kFloatData = 6,
  kEncoded = 7,
};

void take_number(const WireField& field, Datum& datum) {
  const auto value = static_cast<int32_t>(field.value);
  if (field.number == kChannels) datum.channels = value;
  if (field.number == kHeight) datum.height = value;
  if (field.number == kWidth) datum.width = value;
  if (field.number == kLabel) datum.label = value;
  if (field.number == kEncoded) datum.encoded = field.value != 0;
}

void take_floats(const WireField& field, std::vector<float>& values) {
  if (field.type == WireType::kFixed32) {
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(field.value)));
    return;
  }
  if (field.type != WireType::kBytes || field.bytes.size() % sizeof(float) != 0) {
    throw WireError(field.offset, "float_data is no list of numbers");
  }
  if (field.bytes.empty()) return;
  const size_t begin = values.size();
  values.resize(begin + field.bytes.size() / sizeof(float));
  std::memcpy(values.data() + begin, field.bytes.data(), field.bytes.size());
}

void parse(std::string_view bytes, Datum& datum) {
  WireReader reader(bytes);
  for (WireField field; reader.next(field);) {
    if (field.is(kData, WireType::kBytes)) {
      datum.data = field.bytes;
    } else if (field.number == kFloatData) {
      take_floats(field, datum.float_data);
    } else if (field.type == WireType::kVarint) {
      take_number(field, datum);
    }
  }
}

void check_count(std::string_view where, const Datum& datum) {
  if (datum.encoded) return;
  const std::vector<int64_t> shape = {datum.channels, datum.height, datum.width};
  const int64_t wanted = element_count(shape);
  const size_t found = datum.data.empty() ? datum.float_data.size() : datum.data.size();
  if (wanted >= 0 && static_cast<uint64_t>(wanted) == found) return;
  base::fail_input({std::string(where)},
                   fmt::format("a Datum of {} (channels x height x width) holds {} values",
                               shape_to_string(shape), found));
}

}  // namespace

void decode_datum(std::string_view bytes, std::string_view where, Datum& datum) {
  std::vector<float> memory = std::move(datum.float_data);
  memory.clear();
  datum = Datum();
  datum.float_data = std::move(memory);
  try {
    parse(bytes, datum);
  } catch (const WireError& error) {
    base::fail_input({std::string(where)}, fmt::format("is no Datum or is damaged: {} (at byte {})",
                                                       error.what(), error.offset()));
  }
  check_count(where, datum);
}

std::string encode_datum(const Datum& datum) {
  std::string bytes;
  bytes.reserve(32 + datum.data.size() + datum.float_data.size() * sizeof(float));
  // Negative int32 values are sign-extended to ten bytes, as protobuf does.
  const auto append_number = [&](Field field, int32_t value) {
    append_varint_field(bytes, field, static_cast<uint64_t>(int64_t{value}));
  };
  append_number(kChannels, datum.channels);
  append_number(kHeight, datum.height);
  append_number(kWidth, datum.width);
  if (!datum.data.empty()) append_bytes_field(bytes, kData, datum.data);
  append_number(kLabel, datum.label);
  for (const float value : datum.float_data) {  // not packed: so Caffe's schema has it
    append_varint(bytes, kFloatData << 3 | static_cast<uint32_t>(WireType::kFixed32));
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  append_varint_field(bytes, kEncoded, datum.encoded ? 1 : 0);
  return bytes;
}

}  // namespace dlrun::model_io
