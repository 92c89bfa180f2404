// One blob as BlobProto bytes and in a file of its own: Caffe's .binaryproto, used for mean images.
#pragma once

#include <filesystem>
#include <string_view>

#include "core/model_io/host_blob.hpp"

namespace dlrun::model_io {

// `where` names the bytes for messages: the file they came from. Throws Error (exit code 2).
HostBlob decode_blob(std::string_view bytes, std::string_view where);

// Throws Error (exit code 2).
HostBlob read_blob_file(const std::filesystem::path& path);

// Replaces `path`; a blob with legacy_shape gets the old four fields. Throws Error (exit code 1).
void write_blob_file(const std::filesystem::path& path, const HostBlob& blob);

}  // namespace dlrun::model_io
