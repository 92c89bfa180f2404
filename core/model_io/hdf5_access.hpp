// What Hdf5File does its work with: an open file, its objects and their values. Names have no
// leading slash, "" is the root; HDF5 is kept silent by the caller.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/model_io/hdf5_file.hpp"
#include "core/model_io/hdf5_handle.hpp"
#include "core/model_io/host_blob.hpp"

namespace dlrun::model_io {

// Which rows of the first axis to read.
struct Hdf5Rows {
  bool all = true;
  int64_t first = 0;
  int64_t count = 0;
};

// A dataset with its type and extent.
struct Hdf5OpenDataset {
  std::string name;
  Hdf5Id id;
  Hdf5Id type;
  Hdf5Id space;
  std::vector<int64_t> shape;
};

class Hdf5Access {
 public:
  explicit Hdf5Access(const std::filesystem::path& path);

  bool exists(const std::string& name) const;
  // H5I_GROUP, H5I_DATASET ..., or H5I_BADID when there is nothing of that name.
  H5I_type_t kind(const std::string& name) const;
  std::vector<std::string> members(const std::string& group) const;
  // Adds the datasets below `group`, which lies `depth` groups deep.
  void list(const std::string& group, int depth, std::vector<Hdf5Dataset>& found) const;
  Hdf5OpenDataset open_dataset(const std::string& name) const;
  // Invalid when the object has no such attribute.
  Hdf5Id open_attribute(const std::string& object, const std::string& attribute) const;

  // Value: float, double or int64_t. `shape` becomes that of the rows.
  template <typename Value>
  std::vector<Value> read(const Hdf5OpenDataset& dataset, const Hdf5Rows& rows,
                          std::vector<int64_t>& shape) const;
  HostBlob read_blob(const Hdf5OpenDataset& dataset, const Hdf5Rows& rows, DataType type) const;

  [[noreturn]] void fail(const std::string& message) const;
  [[noreturn]] void fail_dataset(const std::string& name, const std::string& message) const;

 private:
  bool is_hard_link(const std::string& name) const;
  void check_size(const Hdf5OpenDataset& dataset) const;
  // The part of the file to read, and the shape of the result.
  Hdf5Id select(const Hdf5OpenDataset& dataset, const Hdf5Rows& rows,
                std::vector<int64_t>& shape) const;

  std::filesystem::path path_;
  uint64_t file_size_ = 0;
  Hdf5Id file_;
};

bool is_hdf5_number(hid_t type);

// The one string of a dataset or attribute, which `read` puts into memory of the given type;
// nothing when it is of another kind or can't be read.
std::optional<std::string> read_hdf5_text(
    hid_t type, hid_t space, const std::function<herr_t(hid_t memory_type, void* memory)>& read);

}  // namespace dlrun::model_io
