#include "core/model_io/weights.hpp"

#include "core/model_io/file_kind.hpp"
#include "core/model_io/mapped_file.hpp"
#include "core/model_io/weights_binary.hpp"
#include "core/model_io/weights_hdf5.hpp"

namespace dlrun::model_io {

FileFormat detect_format(const std::filesystem::path& path) {
  const MappedFile file(path);
  return is_hdf5(file.bytes()) ? FileFormat::kHdf5 : FileFormat::kBinary;
}

std::vector<LayerWeights> read_weights(const std::filesystem::path& path) {
  return detect_format(path) == FileFormat::kHdf5 ? read_hdf5_weights(path)
                                                  : read_binary_weights(path);
}

void write_weights(const std::filesystem::path& path, const std::string& net_name,
                   const std::vector<LayerWeights>& layers, FileFormat format) {
  if (format == FileFormat::kHdf5) {
    write_hdf5_weights(path, net_name, layers);
  } else {
    write_binary_weights(path, net_name, layers);
  }
}

}  // namespace dlrun::model_io
