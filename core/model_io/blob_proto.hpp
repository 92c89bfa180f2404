// BlobProto, Caffe's message of one blob, from and to wire format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/model_io/file_writer.hpp"
#include "core/model_io/host_blob.hpp"
#include "core/model_io/wire.hpp"

namespace dlrun::model_io {

// Reads shape (new or legacy) and data (float or double, packed or not); diffs are skipped. Throws
// WireError for broken bytes and when the number of values isn't that of the shape.
HostBlob parse_blob(WireReader reader, uint64_t offset);

// A BlobProto in three pieces, so that the values are written from where they are. Lives no longer
// than the blob that it was made from.
struct EncodedBlob {
  std::string before;
  std::string_view values;
  std::string after;

  uint64_t size() const { return before.size() + values.size() + after.size(); }
};

EncodedBlob encode_blob(const HostBlob& blob);
void write_encoded_blob(FileWriter& file, const EncodedBlob& blob);

}  // namespace dlrun::model_io
