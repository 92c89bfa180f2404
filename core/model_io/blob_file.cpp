#include "core/model_io/blob_file.hpp"

#include <fmt/format.h>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/model_io/blob_proto.hpp"
#include "core/model_io/file_kind.hpp"
#include "core/model_io/mapped_file.hpp"

namespace dlrun::model_io {

HostBlob read_blob_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  require_kind(path, file.bytes(), FileKind::kBlob);
  try {
    return parse_blob(WireReader(file.bytes()), 0);
  } catch (const WireError& error) {
    base::fail_input({path.string()},
                     fmt::format("is no .binaryproto or is damaged: {} (at byte {})", error.what(),
                                 error.offset()));
  }
}

void write_blob_file(const std::filesystem::path& path, const HostBlob& blob) {
  base::replace_file(path, [&](const std::filesystem::path& temporary) {
    FileWriter file(path, temporary);
    write_encoded_blob(file, encode_blob(blob));
    file.close();
  });
}

}  // namespace dlrun::model_io
