#include "core/model_io/hdf5_writer.hpp"

#include <fmt/format.h>

#include <limits>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/model_io/file_writer.hpp"
#include "core/model_io/hdf5_handle.hpp"

namespace dlrun::model_io {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  base::fail_work({path.string()}, fmt::format("cannot write {}: {}", what, hdf5_reason()));
}

// Throws unless `id` is valid.
Hdf5Id own(hid_t id, const std::filesystem::path& path, const std::string& what) {
  if (id < 0) fail(path, what);
  return Hdf5Id(id);
}

Hdf5Id make_parents_property() {
  Hdf5Id list(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(list.get(), 1);
  return list;
}

// Without times the same content gives the same bytes.
Hdf5Id make_no_times_property() {
  Hdf5Id list(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(list.get(), false);
  return list;
}

Hdf5Id make_space(const std::vector<int64_t>& shape) {
  if (shape.empty()) return Hdf5Id(H5Screate(H5S_SCALAR));
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  return Hdf5Id(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr));
}

// Files are made in memory, which grows by this many bytes. HDF5 (1.10 and 1.14) can't let go of a
// file that it failed to write: it crashes when it closes it, or at exit.
constexpr size_t kGrowth = size_t{16} << 20;

Hdf5Id make_in_memory_property() {
  Hdf5Id list(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fapl_core(list.get(), kGrowth, false);
  return list;
}

// A fixed-length string with its terminator, as Caffe writes and reads.
Hdf5Id make_string_type(const std::string& value) {
  Hdf5Id type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), value.size() + 1);
  return type;
}

}  // namespace

struct Hdf5Writer::Handle {
  Hdf5Id file;
  Hdf5Id parents = make_parents_property();
  Hdf5Id no_times = make_no_times_property();

  void write_dataset(const std::filesystem::path& path, const std::string& name, hid_t type,
                     const std::vector<int64_t>& shape, const void* values) const {
    const std::string what = fmt::format("dataset '{}'", name);
    const Hdf5Id space = own(make_space(shape).release(), path, what);
    const Hdf5Id dataset = own(H5Dcreate2(file.get(), name.c_str(), type, space.get(),
                                          parents.get(), no_times.get(), H5P_DEFAULT),
                               path, what);
    if (element_count(shape) == 0) return;
    if (H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) fail(path, what);
  }

  void write_attribute(const std::filesystem::path& path, const std::string& object,
                       const std::string& name, hid_t type, const void* value) const {
    const std::string what = fmt::format("attribute '{}' of '/{}'", name, object);
    const Hdf5Id owner =
        own(H5Oopen(file.get(), object.empty() ? "/" : object.c_str(), H5P_DEFAULT), path, what);
    const Hdf5Id space(H5Screate(H5S_SCALAR));
    const Hdf5Id attribute =
        own(H5Acreate2(owner.get(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
            path, what);
    if (H5Awrite(attribute.get(), type, value) < 0) fail(path, what);
  }
};

Hdf5Writer::Hdf5Writer(const std::filesystem::path& path, const std::filesystem::path& temporary)
    : path_(path), handle_(std::make_unique<Handle>()) {
  const Hdf5Id in_memory = make_in_memory_property();
  handle_->file = own(H5Fcreate(temporary.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, in_memory.get()),
                      path, "the file");
}

Hdf5Writer::~Hdf5Writer() = default;

std::string Hdf5Writer::bytes() const {
  const hid_t file = handle_->file.get();
  const ssize_t size =
      H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(file, nullptr, 0);
  if (size < 0) fail(path_, "the file");
  std::string bytes(static_cast<size_t>(size), '\0');
  if (H5Fget_file_image(file, bytes.data(), bytes.size()) < 0) fail(path_, "the file");
  return bytes;
}

void Hdf5Writer::make_group(const std::string& name) {
  const Hdf5Id group = own(H5Gcreate2(handle_->file.get(), name.c_str(), handle_->parents.get(),
                                      H5P_DEFAULT, H5P_DEFAULT),
                           path_, fmt::format("group '{}'", name));
}

void Hdf5Writer::write(const std::string& name, const HostBlob& blob) {
  require_complete(blob, path_);
  const hid_t type = blob.type() == DataType::kFloat64 ? H5T_NATIVE_DOUBLE : H5T_NATIVE_FLOAT;
  handle_->write_dataset(path_, name, type, blob.shape, blob.data());
}

void Hdf5Writer::write_integer(const std::string& name, int64_t value) {
  if (value <= std::numeric_limits<int32_t>::max() &&
      value >= std::numeric_limits<int32_t>::min()) {
    const auto narrow = static_cast<int32_t>(value);
    handle_->write_dataset(path_, name, H5T_NATIVE_INT32, {1}, &narrow);
  } else {
    handle_->write_dataset(path_, name, H5T_NATIVE_INT64, {1}, &value);
  }
}

void Hdf5Writer::write_string(const std::string& name, const std::string& value) {
  handle_->write_dataset(path_, name, make_string_type(value).get(), {}, value.c_str());
}

void Hdf5Writer::set_attribute(const std::string& object, const std::string& name,
                               const std::string& value) {
  handle_->write_attribute(path_, object, name, make_string_type(value).get(), value.c_str());
}

void Hdf5Writer::set_attribute(const std::string& object, const std::string& name, int64_t value) {
  handle_->write_attribute(path_, object, name, H5T_NATIVE_INT64, &value);
}

void write_hdf5(const std::filesystem::path& path, const std::function<void(Hdf5Writer&)>& fill) {
  base::replace_file(path, [&](const std::filesystem::path& temporary) {
    const Hdf5Silence silence;
    Hdf5Writer writer(path, temporary);
    fill(writer);
    FileWriter file(path, temporary);
    file.write(writer.bytes());
    file.close();
  });
}

}  // namespace dlrun::model_io
