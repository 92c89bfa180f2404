// Datasets of an HDF5 file as tables of rows: dataset [N, ...] has N rows of shape [...].
#pragma once

#include <dlrun/array.hpp>

#include <cstdint>
#include <string>
#include <vector>

// One dataset's rows.
struct RowType {
  dlrun::Shape shape;  // of one row
  uint32_t dtype;
  uint64_t bytes() const { return static_cast<uint64_t>(shape.count()) * dlrun::bytes_of(dtype); }
};

// What a file holds of the datasets asked for; all have equally many rows, at least one.
struct Hdf5Layout {
  uint64_t rows = 0;
  std::vector<RowType> types;
};

// Both throw dlrun::Error that names the path, the dataset and what is wrong.
Hdf5Layout inspect_hdf5(const std::string& path, const std::vector<std::string>& datasets);

// The elements of each dataset, row after row, as `layout` (of this file) says.
std::vector<std::vector<char>> load_hdf5(const std::string& path,
                                         const std::vector<std::string>& datasets,
                                         const Hdf5Layout& layout);
