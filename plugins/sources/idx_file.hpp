// IDX files, the format of MNIST: two zero bytes, the element type, the number of dimensions, the
// dimensions as big-endian 32-bit numbers, and the elements. Plain or gzipped.
#pragma once

#include <dlrun/tensor.hpp>

#include <cstdint>
#include <string>
#include <vector>

struct IdxFile {
  std::vector<uint32_t> dims;
  std::vector<uint8_t> bytes;  // the elements, row-major
};

// Reads a file of bytes with `rank` dimensions; throws dlrun::Error that names the path and what is
// wrong.
IdxFile read_idx_file(const std::string& path, int rank);
