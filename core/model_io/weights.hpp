// Files of trained weights: Caffe's .caffemodel (binary, V0 to V2) and .caffemodel.h5 (HDF5).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/model_io/host_blob.hpp"

namespace dlrun::model_io {

enum class FileFormat { kBinary, kHdf5 };

// The learned blobs of one layer. Nothing else of a layer is read: forks give other tags other
// meanings.
struct LayerWeights {
  std::string name;
  std::string type;             // "" where the file doesn't say it by name (V1 binary, HDF5)
  std::vector<HostBlob> blobs;  // HDF5 files may leave gaps: see HostBlob::present
};

// All layers of the file in its order (HDF5: by name), those without blobs included where the file
// names them. The format is told by the content, never by the extension. Throws Error (exit code
// 2).
std::vector<LayerWeights> read_weights(const std::filesystem::path& path);

// Replaces `path` by a file that Caffe reads too. Binary files beyond 2 GB are read by dlrun but
// not by Caffe, whose protobuf stops there; HDF5 has no such limit. Throws Error (exit code 1).
void write_weights(const std::filesystem::path& path, const std::string& net_name,
                   const std::vector<LayerWeights>& layers, FileFormat format);

// Whether the file begins as HDF5 does; throws Error (exit code 2) if it can't be read.
FileFormat detect_format(const std::filesystem::path& path);

}  // namespace dlrun::model_io
