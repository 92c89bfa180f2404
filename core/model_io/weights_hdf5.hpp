// The HDF5 form of weights files (/data/<layer>/<blob number>); weights.hpp is the interface.
#pragma once

#include "core/model_io/weights.hpp"

namespace dlrun::model_io {

std::vector<LayerWeights> read_hdf5_weights(const std::filesystem::path& path);
void write_hdf5_weights(const std::filesystem::path& path, const std::string& net_name,
                        const std::vector<LayerWeights>& layers);

}  // namespace dlrun::model_io
