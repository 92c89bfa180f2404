// HostBlob: the values of one blob in host memory, in plain order; what files of weights and state
// hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace dlrun::model_io {

enum class DataType { kFloat32, kFloat64 };

// "float32" or "float64".
const char* to_string(DataType type);

struct HostBlob {
  std::vector<int64_t> shape;  // {} is a scalar of one element
  // Exactly element_count() values (C order), of the type the file had or the writer wants.
  std::variant<std::vector<float>, std::vector<double>> values;
  // The shape came from the fields num, channels, height and width of old files and so has four
  // axes, leading ones included; see shape_fits().
  bool legacy_shape = false;
  // False for a gap in the blobs of a layer: HDF5 files leave out what a layer shares with an
  // earlier one.
  bool present = true;

  DataType type() const {
    return std::holds_alternative<std::vector<double>>(values) ? DataType::kFloat64
                                                               : DataType::kFloat32;
  }
  size_t value_count() const;  // as stored; equal to element_count() for every blob that was read
  size_t byte_size() const;
  const void* data() const;
  void* data();

  // Whether a blob of shape `wanted` takes these values as they are: equal shapes, or, for a legacy
  // shape, equal once leading axes of one are put before `wanted` (1x1x1xN for N).
  bool shape_fits(const std::vector<int64_t>& wanted) const;

  // A copy of the values in the wanted type (rounded to nearest for float64 to float32).
  std::vector<float> to_floats() const;
  std::vector<double> to_doubles() const;

  static HostBlob of_floats(std::vector<int64_t> shape, std::vector<float> values);
  static HostBlob of_doubles(std::vector<int64_t> shape, std::vector<double> values);
  static HostBlob absent();
};

// The product of the axes; -1 when an axis is negative or the product overflows 63 bits.
int64_t element_count(const std::vector<int64_t>& shape);

// Throws Error (exit code 1) that names `path` when a blob to be written has not as many values as
// its shape.
void require_complete(const HostBlob& blob, const std::filesystem::path& path);

// "20x1x5x5"; "()" for a scalar.
std::string shape_to_string(const std::vector<int64_t>& shape);

}  // namespace dlrun::model_io
