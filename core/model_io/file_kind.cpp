#include "core/model_io/file_kind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "core/base/error.hpp"
#include "core/model_io/wire.hpp"

namespace dlrun::model_io {
namespace {

constexpr std::string_view kHdf5Signature = "\x89HDF\r\n\x1a\n";

// No control characters in the first few thousand bytes; a message's tags have some at once.
bool is_text(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, 4096);
  return std::all_of(head.begin(), head.end(), [](char letter) {
    const auto code = static_cast<unsigned char>(letter);
    return code >= 0x20 ? code != 0x7f : letter == '\n' || letter == '\r' || letter == '\t';
  });
}

// The top-level fields that tell Caffe's messages apart, up to the first broken one.
struct SeenFields {
  std::array<bool, 9> varint{};
  std::array<bool, 9> bytes{};
  bool layer = false;  // NetParameter.layer = 100
};

SeenFields scan(std::string_view bytes) {
  SeenFields seen;
  try {
    WireReader reader(bytes);
    for (WireField field; reader.next(field);) {
      if (field.is(100, WireType::kBytes)) seen.layer = true;
      if (field.number >= seen.varint.size()) continue;
      if (field.type == WireType::kVarint) seen.varint[field.number] = true;
      if (field.type == WireType::kBytes) seen.bytes[field.number] = true;
    }
  } catch (const WireError&) {
    // Cut off or corrupt: what came before still tells the kind.
  }
  return seen;
}

FileKind kind_of_message(const SeenFields& seen) {
  if (seen.layer) return FileKind::kWeights;
  if (seen.varint[1]) {  // SolverState.iter or BlobProto.num
    if (seen.bytes[2] || seen.bytes[3]) return FileKind::kSolverState;
    return seen.varint[2] && seen.varint[3] ? FileKind::kBlob : FileKind::kUnknown;
  }
  if (seen.bytes[2]) return FileKind::kWeights;  // NetParameter.layers
  return seen.bytes[5] || seen.bytes[7] || seen.bytes[8] ? FileKind::kBlob : FileKind::kUnknown;
}

std::string describe(FileKind kind) {
  switch (kind) {
    case FileKind::kEmpty:
      return "an empty file";
    case FileKind::kText:
      return "a text file (a .prototxt?)";
    case FileKind::kHdf5:
      return "an HDF5 file";
    case FileKind::kResumeState:
      return "a file of resume state (.dlrunstate)";
    case FileKind::kWeights:
      return "a file of weights (.caffemodel)";
    case FileKind::kSolverState:
      return "a file of solver state (.solverstate)";
    case FileKind::kBlob:
      return "a file of one blob (.binaryproto)";
    case FileKind::kUnknown:
      break;
  }
  return "an unknown file";
}

}  // namespace

bool is_hdf5(std::string_view bytes) {
  return bytes.starts_with(kHdf5Signature);
}

FileKind detect_kind(std::string_view bytes) {
  if (bytes.empty()) return FileKind::kEmpty;
  if (is_hdf5(bytes)) return FileKind::kHdf5;
  if (is_text(bytes)) {
    const bool resume = bytes.starts_with('{') && bytes.find("dlrunstate") < 256;
    return resume ? FileKind::kResumeState : FileKind::kText;
  }
  return kind_of_message(scan(bytes));
}

void require_kind(const std::filesystem::path& path, std::string_view bytes, FileKind kind) {
  const FileKind found = detect_kind(bytes);
  if (found == kind || found == FileKind::kUnknown) return;
  base::fail_input({path.string()},
                   fmt::format("is {}, expected {}", describe(found), describe(kind)));
}

}  // namespace dlrun::model_io
