// Writing HDF5 files, as a whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "core/model_io/host_blob.hpp"

namespace dlrun::model_io {

// An HDF5 file being made, in memory. Names are paths from the root; groups on the way are made as
// needed.
class Hdf5Writer {
 public:
  Hdf5Writer(const Hdf5Writer&) = delete;
  Hdf5Writer& operator=(const Hdf5Writer&) = delete;
  ~Hdf5Writer();

  void make_group(const std::string& name);
  void write(const std::string& name, const HostBlob& blob);
  void write_integer(const std::string& name,
                     int64_t value);  // one 32-bit integer, as Caffe writes
  void write_string(const std::string& name, const std::string& value);
  // Attributes of an object that exists; "" is the root.
  void set_attribute(const std::string& object, const std::string& name, const std::string& value);
  void set_attribute(const std::string& object, const std::string& name, int64_t value);

 private:
  friend void write_hdf5(const std::filesystem::path& path,
                         const std::function<void(Hdf5Writer&)>& fill);
  struct Handle;
  Hdf5Writer(const std::filesystem::path& path, const std::filesystem::path& temporary);
  std::string bytes() const;  // of the whole file

  std::filesystem::path path_;
  std::unique_ptr<Handle> handle_;
};

// Runs `fill` on a new file and puts it at `path` when all of it is on the disk; when anything
// fails, what was at `path` stays. Throws Error (exit code 1).
void write_hdf5(const std::filesystem::path& path, const std::function<void(Hdf5Writer&)>& fill);

}  // namespace dlrun::model_io
