// Reads datasets through HDF5's C interface.
#include "hdf5_rows.hpp"

#include <hdf5.h>

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw dlrun::Error("'" + path + "': " + what, DLR_IO_ERROR);
}

// An HDF5 handle, or a negative number for a call that failed.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  bool valid() const { return id_ >= 0; }
  hid_t get() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

// Runs a call that may fail without HDF5's own report on the terminal.
template <class Call>
auto quietly(const Call& call) {
  H5E_auto2_t report = nullptr;
  void* report_data = nullptr;
  H5Eget_auto2(H5E_DEFAULT, &report, &report_data);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  const auto result = call();
  H5Eset_auto2(H5E_DEFAULT, report, report_data);
  return result;
}

class File {
 public:
  explicit File(const std::string& path)
      : path_(path),
        file_(quietly([&] { return H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT); }),
              H5Fclose) {
    if (!file_.valid()) fail(path, "can't be opened: missing, cut off or no HDF5 file");
  }

  hid_t open(const std::string& dataset) const {
    const hid_t id = quietly([&] { return H5Dopen2(file_.get(), dataset.c_str(), H5P_DEFAULT); });
    if (id < 0)
      fail(path_, "there is no dataset '" + dataset + "'; each top takes the dataset of its name");
    return id;
  }

 private:
  std::string path_;
  Handle file_;
};

// The element type in memory that holds what is in the file; 0 for texts and other things.
uint32_t element_type(hid_t dataset) {
  const Handle type(H5Dget_type(dataset), H5Tclose);
  const size_t bytes = H5Tget_size(type.get());
  switch (H5Tget_class(type.get())) {
    case H5T_FLOAT:
      return bytes > 4 ? DLR_F64 : DLR_F32;
    case H5T_INTEGER: {
      const bool is_signed = H5Tget_sign(type.get()) != H5T_SGN_NONE;
      if (bytes == 1 && !is_signed) return DLR_U8;
      return bytes < 4 || (bytes == 4 && is_signed) ? DLR_I32 : DLR_I64;
    }
    default:
      return 0;
  }
}

hid_t native_type(uint32_t dtype) {
  switch (dtype) {
    case DLR_U8:
      return H5T_NATIVE_UINT8;
    case DLR_I32:
      return H5T_NATIVE_INT32;
    case DLR_I64:
      return H5T_NATIVE_INT64;
    case DLR_F64:
      return H5T_NATIVE_DOUBLE;
    default:
      return H5T_NATIVE_FLOAT;
  }
}

// The extents of a dataset, rows first.
std::vector<hsize_t> extents(hid_t dataset) {
  const Handle space(H5Dget_space(dataset), H5Sclose);
  const int rank = H5Sget_simple_extent_ndims(space.get());
  std::vector<hsize_t> dims(rank > 0 ? static_cast<size_t>(rank) : 0);
  if (rank > 0) H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr);
  return dims;
}

RowType row_type(const std::string& path, const std::string& name, hid_t dataset,
                 const std::vector<hsize_t>& dims) {
  const uint32_t dtype = element_type(dataset);
  if (dtype == 0) fail(path, "dataset '" + name + "' holds no numbers");
  if (dims.empty() || dims.size() > DLR_MAX_RANK) {
    fail(path, "dataset '" + name + "' has " + std::to_string(dims.size()) +
                   " dimensions; expected 1 to " + std::to_string(DLR_MAX_RANK) +
                   ", the first counting the rows");
  }
  RowType type{{}, dtype};
  double bytes = static_cast<double>(dims[0]) * static_cast<double>(dlrun::bytes_of(dtype));
  for (size_t axis = 1; axis < dims.size(); ++axis) {
    type.shape.push_back(static_cast<int64_t>(dims[axis]));
    bytes *= static_cast<double>(dims[axis]);
  }
  constexpr double kMostBytes = 1e13;  // beyond it the header is corrupt
  if (bytes > kMostBytes)
    fail(path, "dataset '" + name + "' claims to be larger than 10 TB; the file is corrupt");
  if (bytes == 0) fail(path, "dataset '" + name + "' is empty");
  return type;
}

}  // namespace

Hdf5Layout inspect_hdf5(const std::string& path, const std::vector<std::string>& datasets) {
  const File file(path);
  Hdf5Layout layout;
  for (const std::string& name : datasets) {
    const Handle dataset(file.open(name), H5Dclose);
    const std::vector<hsize_t> dims = extents(dataset.get());
    layout.types.push_back(row_type(path, name, dataset.get(), dims));
    if (layout.rows != 0 && layout.rows != dims[0]) {
      fail(path, "dataset '" + name + "' has " + std::to_string(dims[0]) + " rows but '" +
                     datasets[0] + "' has " + std::to_string(layout.rows) +
                     "; all need equally many");
    }
    layout.rows = dims[0];
  }
  return layout;
}

std::vector<std::vector<char>> load_hdf5(const std::string& path,
                                         const std::vector<std::string>& datasets,
                                         const Hdf5Layout& layout) {
  const File file(path);
  std::vector<std::vector<char>> tables;
  for (size_t i = 0; i < datasets.size(); ++i) {
    const Handle dataset(file.open(datasets[i]), H5Dclose);
    const std::vector<hsize_t> dims = extents(dataset.get());
    const RowType& type = layout.types[i];
    if (dims.empty() || dims[0] != layout.rows ||
        row_type(path, datasets[i], dataset.get(), dims).shape != type.shape) {
      fail(path, "dataset '" + datasets[i] + "' changed its shape while it was in use");
    }
    std::vector<char>& table = tables.emplace_back(layout.rows * type.bytes());
    const herr_t status = quietly([&] {
      return H5Dread(dataset.get(), native_type(type.dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                     table.data());
    });
    if (status < 0)
      fail(path, "dataset '" + datasets[i] + "' can't be read; the file is cut off or corrupt");
  }
  return tables;
}
