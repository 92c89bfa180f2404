#include "core/model_io/hdf5_access.hpp"

#include <fmt/format.h>

#include "core/base/error.hpp"
#include "core/model_io/mapped_file.hpp"

namespace dlrun::model_io {
namespace {

constexpr int kMostDepth = 32;
constexpr size_t kMostDatasets = 100000;

const char* or_root(const std::string& name) {
  return name.empty() ? "/" : name.c_str();
}

std::string join(const std::string& group, const std::string& name) {
  return group.empty() ? name : group + "/" + name;
}

std::vector<int64_t> shape_of(hid_t space) {
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank <= 0) return {};
  std::vector<hsize_t> dims(static_cast<size_t>(rank));
  H5Sget_simple_extent_dims(space, dims.data(), nullptr);
  return {dims.begin(), dims.end()};
}

}  // namespace

Hdf5Access::Hdf5Access(const std::filesystem::path& path)
    : path_(path),
      file_size_(MappedFile(path).bytes().size()),  // and the plain reasons why it can't be read
      file_(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)) {
  if (!file_.valid()) fail(fmt::format("is damaged or no HDF5 file: {}", hdf5_reason()));
}

void Hdf5Access::fail(const std::string& message) const {
  base::fail_input({path_.string()}, message);
}

void Hdf5Access::fail_dataset(const std::string& name, const std::string& message) const {
  fail(fmt::format("dataset '{}' {}", name, message));
}

// Every link on the way must be there before HDF5 may be asked for the next.
bool Hdf5Access::exists(const std::string& name) const {
  if (name.empty()) return true;
  for (size_t end = name.find('/');; end = name.find('/', end + 1)) {
    if (H5Lexists(file_.get(), name.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
    if (end == std::string::npos) break;
  }
  return H5Oexists_by_name(file_.get(), name.c_str(), H5P_DEFAULT) > 0;
}

H5I_type_t Hdf5Access::kind(const std::string& name) const {
  if (!exists(name)) return H5I_BADID;
  const Hdf5Id object(H5Oopen(file_.get(), or_root(name), H5P_DEFAULT));
  return object.valid() ? H5Iget_type(object.get()) : H5I_BADID;
}

bool Hdf5Access::is_hard_link(const std::string& name) const {
  H5L_info_t info;
  return H5Lget_info(file_.get(), name.c_str(), &info, H5P_DEFAULT) >= 0 &&
         info.type == H5L_TYPE_HARD;
}

std::vector<std::string> Hdf5Access::members(const std::string& group) const {
  const Hdf5Id opened(H5Gopen2(file_.get(), or_root(group), H5P_DEFAULT));
  H5G_info_t info;
  if (!opened.valid() || H5Gget_info(opened.get(), &info) < 0) {
    fail(fmt::format("cannot list group '/{}': {}", group, hdf5_reason()));
  }
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    const ssize_t length = H5Lget_name_by_idx(opened.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i,
                                              nullptr, 0, H5P_DEFAULT);
    if (length < 0) fail(fmt::format("cannot list group '/{}': {}", group, hdf5_reason()));
    std::string name(static_cast<size_t>(length), '\0');
    H5Lget_name_by_idx(opened.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(),
                       name.size() + 1, H5P_DEFAULT);
    names.push_back(std::move(name));
  }
  return names;
}

void Hdf5Access::list(const std::string& group, int depth, std::vector<Hdf5Dataset>& found) const {
  if (depth > kMostDepth) fail(fmt::format("groups lie too deep at '/{}'", group));
  for (const std::string& member : members(group)) {
    const std::string name = join(group, member);
    if (!is_hard_link(name)) continue;
    const H5I_type_t type = kind(name);
    if (type == H5I_GROUP) {
      list(name, depth + 1, found);
    } else if (type == H5I_DATASET) {
      found.push_back({name, open_dataset(name).shape});
    } else {
      fail(fmt::format("cannot open '/{}': {}", name, hdf5_reason()));
    }
    if (found.size() > kMostDatasets) fail("holds too many datasets");
  }
}

Hdf5OpenDataset Hdf5Access::open_dataset(const std::string& name) const {
  if (!exists(name)) fail(fmt::format("has no dataset '{}'", name));
  Hdf5OpenDataset dataset;
  dataset.name = name;
  dataset.id = Hdf5Id(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT));
  if (!dataset.id.valid()) fail_dataset(name, "cannot be opened: " + hdf5_reason());
  dataset.type = Hdf5Id(H5Dget_type(dataset.id.get()));
  dataset.space = Hdf5Id(H5Dget_space(dataset.id.get()));
  if (!dataset.type.valid() || !dataset.space.valid()) {
    fail_dataset(name, "cannot be read: " + hdf5_reason());
  }
  if (H5Sget_simple_extent_type(dataset.space.get()) == H5S_NULL) {
    fail_dataset(name, "has no values");
  }
  dataset.shape = shape_of(dataset.space.get());
  if (element_count(dataset.shape) < 0) {
    fail_dataset(name, "has the impossible shape " + shape_to_string(dataset.shape));
  }
  return dataset;
}

Hdf5Id Hdf5Access::open_attribute(const std::string& object, const std::string& attribute) const {
  if (!exists(object)) fail(fmt::format("has no object '/{}'", object));
  if (H5Aexists_by_name(file_.get(), or_root(object), attribute.c_str(), H5P_DEFAULT) <= 0)
    return {};
  return Hdf5Id(
      H5Aopen_by_name(file_.get(), or_root(object), attribute.c_str(), H5P_DEFAULT, H5P_DEFAULT));
}

}  // namespace dlrun::model_io
