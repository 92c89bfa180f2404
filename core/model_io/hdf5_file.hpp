// Reading HDF5 files: list datasets, read them and attributes. Every failure is an Error that names
// the file and the object; HDF5's own error printing stays silent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model_io/host_blob.hpp"

namespace dlrun::model_io {

struct Hdf5Dataset {
  std::string name;            // path from the root without a leading slash: "param/conv1/0"
  std::vector<int64_t> shape;  // {} is a scalar
};

class Hdf5Access;

class Hdf5File {
 public:
  // Opens for reading. Throws Error (exit code 2).
  static Hdf5File open(const std::filesystem::path& path);

  Hdf5File(Hdf5File&&) noexcept;
  Hdf5File& operator=(Hdf5File&&) noexcept;
  ~Hdf5File();

  const std::filesystem::path& path() const { return path_; }

  // Names are paths from the root, with or without a leading slash.
  bool has(const std::string& name) const;
  bool is_dataset(const std::string& name) const;
  bool is_group(const std::string& name) const;
  // All datasets under a group ("" is the whole file) at any depth, sorted by name; symbolic links
  // and links to other files are not followed.
  std::vector<Hdf5Dataset> datasets(const std::string& group = "") const;
  // The names of a group's members, sorted.
  std::vector<std::string> members(const std::string& group = "") const;
  std::vector<int64_t> shape(const std::string& dataset) const;

  // A whole dataset of any numeric type, converted. The first form keeps float64 and makes anything
  // else float32.
  HostBlob read(const std::string& dataset) const;
  HostBlob read(const std::string& dataset, DataType type) const;
  // Rows [first, first + count) of the first axis.
  HostBlob read_rows(const std::string& dataset, int64_t first, int64_t count, DataType type) const;
  std::vector<int64_t> read_integers(const std::string& dataset) const;
  std::string read_string(const std::string& dataset) const;

  // Attributes of a group or dataset ("" is the root); nothing when absent, Error when of another
  // kind.
  std::optional<std::string> string_attribute(const std::string& object,
                                              const std::string& attribute) const;
  std::optional<int64_t> integer_attribute(const std::string& object,
                                           const std::string& attribute) const;

 private:
  Hdf5File(std::filesystem::path path, std::unique_ptr<Hdf5Access> access);

  std::filesystem::path path_;
  std::unique_ptr<Hdf5Access> access_;
};

}  // namespace dlrun::model_io
