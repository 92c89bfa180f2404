#include "core/model_io/blob_file.hpp"

#include <fmt/format.h>

#include <string>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/model_io/blob_proto.hpp"
#include "core/model_io/file_kind.hpp"
#include "core/model_io/mapped_file.hpp"

namespace dlrun::model_io {

HostBlob decode_blob(std::string_view bytes, std::string_view where) {
  require_kind(std::string(where), bytes, FileKind::kBlob);
  try {
    return parse_blob(WireReader(bytes), 0);
  } catch (const WireError& error) {
    base::fail_input({std::string(where)},
                     fmt::format("is no .binaryproto or is damaged: {} (at byte {})", error.what(),
                                 error.offset()));
  }
}

HostBlob read_blob_file(const std::filesystem::path& path) {
  return decode_blob(MappedFile(path).bytes(), path.string());
}

void write_blob_file(const std::filesystem::path& path, const HostBlob& blob) {
  require_complete(blob, path);
  base::replace_file(path, [&](const std::filesystem::path& temporary) {
    FileWriter file(path, temporary);
    write_encoded_blob(file, encode_blob(blob));
    file.close();
  });
}

}  // namespace dlrun::model_io
