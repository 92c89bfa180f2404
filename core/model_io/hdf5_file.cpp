#include "core/model_io/hdf5_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <type_traits>

#include "core/base/error.hpp"
#include "core/model_io/hdf5_handle.hpp"
#include "core/model_io/mapped_file.hpp"

namespace dlrun::model_io {
namespace {

constexpr int kMostDepth = 32;
constexpr size_t kMostDatasets = 100000;

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view message) {
  base::fail_input({path.string()}, message);
}

const char* or_root(const std::string& name) {
  return name.empty() ? "/" : name.c_str();
}

std::string join(const std::string& group, const std::string& name) {
  return group.empty() ? name : group + "/" + name;
}

std::string without_slash(std::string name) {
  while (name.starts_with('/'))
    name.erase(0, 1);
  while (name.ends_with('/'))
    name.pop_back();
  return name;
}

std::vector<int64_t> shape_of(hid_t space) {
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank <= 0) return {};
  std::vector<hsize_t> dims(static_cast<size_t>(rank));
  H5Sget_simple_extent_dims(space, dims.data(), nullptr);
  return {dims.begin(), dims.end()};
}

bool is_number(H5T_class_t type) {
  return type == H5T_INTEGER || type == H5T_FLOAT || type == H5T_ENUM;
}

const char* describe(H5T_class_t type) {
  switch (type) {
    case H5T_INTEGER:
      return "an integer";
    case H5T_FLOAT:
      return "a floating-point number";
    case H5T_STRING:
      return "a string";
    case H5T_ENUM:
      return "an enumeration";
    case H5T_COMPOUND:
      return "a compound";
    default:
      return "of an unsupported type";
  }
}

// The text of a string dataset or attribute of one element; `read` fills memory of a given type.
template <typename Read>
std::optional<std::string> read_text(hid_t type, hid_t space, Read read) {
  if (H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    const Hdf5Id memory_type(H5Tcopy(type));
    if (read(memory_type.get(), static_cast<void*>(&text)) < 0) return std::nullopt;
    std::string result = text == nullptr ? "" : text;
    H5Dvlen_reclaim(memory_type.get(), space, H5P_DEFAULT, &text);
    return result;
  }
  std::string result(H5Tget_size(type), '\0');
  if (read(type, static_cast<void*>(result.data())) < 0) return std::nullopt;
  if (H5Tget_strpad(type) == H5T_STR_SPACEPAD) {
    result.erase(result.find_last_not_of(' ') + 1);
  } else {
    result.erase(std::min(result.find('\0'), result.size()));
  }
  return result;
}

// Which rows of the first axis to read; all of the dataset when `all`.
struct Rows {
  bool all = true;
  int64_t first = 0;
  int64_t count = 0;
};
constexpr Rows kAllRows;

template <typename Value>
hid_t native_type() {
  if constexpr (std::is_same_v<Value, float>) {
    return H5T_NATIVE_FLOAT;
  } else if constexpr (std::is_same_v<Value, double>) {
    return H5T_NATIVE_DOUBLE;
  } else {
    static_assert(std::is_same_v<Value, int64_t>);
    return H5T_NATIVE_INT64;
  }
}

}  // namespace

struct Hdf5File::Handle {
  std::filesystem::path path;
  Hdf5Id file;
  uint64_t file_size = 0;

  // A dataset with its type and extent.
  struct Dataset {
    std::string name;
    Hdf5Id id;
    Hdf5Id type;
    Hdf5Id space;
    std::vector<int64_t> shape;
  };

  [[noreturn]] void fail_dataset(const std::string& name, const std::string& message) const {
    fail(path, fmt::format("dataset '{}' {}", name, message));
  }

  bool exists(const std::string& name) const;
  H5I_type_t kind(const std::string& name) const;
  void list(const std::string& group, int depth, std::vector<Hdf5Dataset>& found) const;
  std::vector<std::string> members(const std::string& group) const;
  bool is_hard_link(const std::string& name) const;
  Dataset open_dataset(const std::string& name) const;
  void check_size(const Dataset& dataset) const;
  Hdf5Id select(const Dataset& dataset, const Rows& rows, std::vector<int64_t>& shape) const;
  template <typename Value>
  std::vector<Value> read(const Dataset& dataset, const Rows& rows,
                          std::vector<int64_t>& shape) const;
  HostBlob read_blob(const Dataset& dataset, const Rows& rows, DataType type) const;
  Hdf5Id open_attribute(const std::string& object, const std::string& attribute) const;
};

// Every link on the way must be there before HDF5 may be asked for the next.
bool Hdf5File::Handle::exists(const std::string& name) const {
  if (name.empty()) return true;
  for (size_t end = name.find('/');; end = name.find('/', end + 1)) {
    if (H5Lexists(file.get(), name.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
    if (end == std::string::npos) break;
  }
  return H5Oexists_by_name(file.get(), name.c_str(), H5P_DEFAULT) > 0;
}

// H5I_GROUP, H5I_DATASET ..., or H5I_BADID when there is nothing of that name.
H5I_type_t Hdf5File::Handle::kind(const std::string& name) const {
  if (!exists(name)) return H5I_BADID;
  const Hdf5Id object(H5Oopen(file.get(), or_root(name), H5P_DEFAULT));
  return object.valid() ? H5Iget_type(object.get()) : H5I_BADID;
}

bool Hdf5File::Handle::is_hard_link(const std::string& name) const {
  H5L_info_t info;
  return H5Lget_info(file.get(), name.c_str(), &info, H5P_DEFAULT) >= 0 &&
         info.type == H5L_TYPE_HARD;
}

std::vector<std::string> Hdf5File::Handle::members(const std::string& group) const {
  const Hdf5Id opened(H5Gopen2(file.get(), or_root(group), H5P_DEFAULT));
  H5G_info_t info;
  if (!opened.valid() || H5Gget_info(opened.get(), &info) < 0) {
    fail(path, fmt::format("cannot list group '/{}': {}", group, hdf5_reason()));
  }
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    const ssize_t length = H5Lget_name_by_idx(opened.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i,
                                              nullptr, 0, H5P_DEFAULT);
    if (length < 0) fail(path, fmt::format("cannot list group '/{}': {}", group, hdf5_reason()));
    std::string name(static_cast<size_t>(length), '\0');
    H5Lget_name_by_idx(opened.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(),
                       name.size() + 1, H5P_DEFAULT);
    names.push_back(std::move(name));
  }
  return names;
}

void Hdf5File::Handle::list(const std::string& group, int depth,
                            std::vector<Hdf5Dataset>& found) const {
  if (depth > kMostDepth) fail(path, fmt::format("groups lie too deep at '/{}'", group));
  for (const std::string& member : members(group)) {
    const std::string name = join(group, member);
    if (!is_hard_link(name)) continue;
    const H5I_type_t type = kind(name);
    if (type == H5I_GROUP) {
      list(name, depth + 1, found);
    } else if (type == H5I_DATASET) {
      found.push_back({name, open_dataset(name).shape});
    } else {
      fail(path, fmt::format("cannot open '/{}': {}", name, hdf5_reason()));
    }
    if (found.size() > kMostDatasets) fail(path, "holds too many datasets");
  }
}

Hdf5File::Handle::Dataset Hdf5File::Handle::open_dataset(const std::string& name) const {
  if (!exists(name)) fail(path, fmt::format("has no dataset '{}'", name));
  Dataset dataset;
  dataset.name = name;
  dataset.id = Hdf5Id(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT));
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

// Damaged files may claim sizes that no memory holds; even the best compression has a limit.
void Hdf5File::Handle::check_size(const Dataset& dataset) const {
  constexpr double kBestCompression = 1100;
  constexpr double kAlwaysAllowed = 64 << 20;
  const double bytes = static_cast<double>(element_count(dataset.shape)) *
                       static_cast<double>(H5Tget_size(dataset.type.get()));
  if (bytes > kAlwaysAllowed && bytes > kBestCompression * static_cast<double>(file_size)) {
    fail_dataset(dataset.name,
                 fmt::format("of shape {} cannot lie in a file of {} bytes; the file is damaged",
                             shape_to_string(dataset.shape), file_size));
  }
}

// The part of the file to read (everything unless rows are asked for), and the shape of the result.
Hdf5Id Hdf5File::Handle::select(const Dataset& dataset, const Rows& rows,
                                std::vector<int64_t>& shape) const {
  shape = dataset.shape;
  Hdf5Id space(H5Scopy(dataset.space.get()));
  if (rows.all) return space;
  if (shape.empty() || rows.first < 0 || rows.count < 0 || rows.first > shape[0] ||
      rows.count > shape[0] - rows.first) {
    fail_dataset(dataset.name, fmt::format("of shape {} has no {} rows from row {}",
                                           shape_to_string(shape), rows.count, rows.first));
  }
  std::vector<hsize_t> start(shape.size(), 0);
  std::vector<hsize_t> count(shape.begin(), shape.end());
  start[0] = static_cast<hsize_t>(rows.first);
  count[0] = static_cast<hsize_t>(rows.count);
  shape[0] = rows.count;
  if (element_count(shape) > 0) {
    H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
  }
  return space;
}

template <typename Value>
std::vector<Value> Hdf5File::Handle::read(const Dataset& dataset, const Rows& rows,
                                          std::vector<int64_t>& shape) const {
  const H5T_class_t type = H5Tget_class(dataset.type.get());
  if (!is_number(type)) {
    fail_dataset(dataset.name, fmt::format("is {}, expected numbers", describe(type)));
  }
  check_size(dataset);
  const Hdf5Id file_space = select(dataset, rows, shape);
  const auto count = static_cast<hsize_t>(element_count(shape));
  std::vector<Value> values;
  try {
    values.resize(count);
  } catch (const std::bad_alloc&) {
    fail_dataset(dataset.name, "does not fit in memory");
  }
  if (count == 0) return values;
  const Hdf5Id memory_space(H5Screate_simple(1, &count, nullptr));
  if (H5Dread(dataset.id.get(), native_type<Value>(), memory_space.get(), file_space.get(),
              H5P_DEFAULT, values.data()) < 0) {
    fail_dataset(dataset.name, "cannot be read: " + hdf5_reason());
  }
  return values;
}

HostBlob Hdf5File::Handle::read_blob(const Dataset& dataset, const Rows& rows,
                                     DataType type) const {
  HostBlob blob;
  if (type == DataType::kFloat64) {
    blob.values = read<double>(dataset, rows, blob.shape);
  } else {
    blob.values = read<float>(dataset, rows, blob.shape);
  }
  return blob;
}

// Invalid when the object has no such attribute.
Hdf5Id Hdf5File::Handle::open_attribute(const std::string& object,
                                        const std::string& attribute) const {
  if (!exists(object)) fail(path, fmt::format("has no object '/{}'", object));
  if (H5Aexists_by_name(file.get(), or_root(object), attribute.c_str(), H5P_DEFAULT) <= 0)
    return {};
  return Hdf5Id(
      H5Aopen_by_name(file.get(), or_root(object), attribute.c_str(), H5P_DEFAULT, H5P_DEFAULT));
}

Hdf5File::Hdf5File(std::filesystem::path path, std::unique_ptr<Handle> handle)
    : path_(std::move(path)), handle_(std::move(handle)) {}
Hdf5File::Hdf5File(Hdf5File&&) noexcept = default;
Hdf5File& Hdf5File::operator=(Hdf5File&&) noexcept = default;
Hdf5File::~Hdf5File() = default;

Hdf5File Hdf5File::open(const std::filesystem::path& path) {
  const Hdf5Silence silence;
  auto handle = std::make_unique<Handle>();
  handle->path = path;
  handle->file_size =
      MappedFile(path).bytes().size();  // and the plain reasons why it can't be read
  handle->file = Hdf5Id(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  if (!handle->file.valid()) {
    fail(path, fmt::format("is damaged or no HDF5 file: {}", hdf5_reason()));
  }
  return Hdf5File(path, std::move(handle));
}

bool Hdf5File::has(const std::string& name) const {
  const Hdf5Silence silence;
  return handle_->exists(without_slash(name));
}

bool Hdf5File::is_dataset(const std::string& name) const {
  const Hdf5Silence silence;
  return handle_->kind(without_slash(name)) == H5I_DATASET;
}

bool Hdf5File::is_group(const std::string& name) const {
  const Hdf5Silence silence;
  return handle_->kind(without_slash(name)) == H5I_GROUP;
}

std::vector<Hdf5Dataset> Hdf5File::datasets(const std::string& group) const {
  const Hdf5Silence silence;
  std::vector<Hdf5Dataset> found;
  handle_->list(without_slash(group), 0, found);
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return found;
}

std::vector<std::string> Hdf5File::members(const std::string& group) const {
  const Hdf5Silence silence;
  return handle_->members(without_slash(group));
}

std::vector<int64_t> Hdf5File::shape(const std::string& dataset) const {
  const Hdf5Silence silence;
  return handle_->open_dataset(without_slash(dataset)).shape;
}

HostBlob Hdf5File::read(const std::string& dataset) const {
  const Hdf5Silence silence;
  const Handle::Dataset opened = handle_->open_dataset(without_slash(dataset));
  const bool wide = H5Tget_class(opened.type.get()) == H5T_FLOAT &&
                    H5Tget_size(opened.type.get()) > sizeof(float);
  return handle_->read_blob(opened, kAllRows, wide ? DataType::kFloat64 : DataType::kFloat32);
}

HostBlob Hdf5File::read(const std::string& dataset, DataType type) const {
  const Hdf5Silence silence;
  return handle_->read_blob(handle_->open_dataset(without_slash(dataset)), kAllRows, type);
}

HostBlob Hdf5File::read_rows(const std::string& dataset, int64_t first, int64_t count,
                             DataType type) const {
  const Hdf5Silence silence;
  return handle_->read_blob(handle_->open_dataset(without_slash(dataset)), {false, first, count},
                            type);
}

std::vector<int64_t> Hdf5File::read_integers(const std::string& dataset) const {
  const Hdf5Silence silence;
  std::vector<int64_t> shape;
  return handle_->read<int64_t>(handle_->open_dataset(without_slash(dataset)), kAllRows, shape);
}

std::string Hdf5File::read_string(const std::string& dataset) const {
  const Hdf5Silence silence;
  const Handle::Dataset opened = handle_->open_dataset(without_slash(dataset));
  if (H5Tget_class(opened.type.get()) != H5T_STRING || element_count(opened.shape) != 1) {
    handle_->fail_dataset(opened.name, "is not one string");
  }
  handle_->check_size(opened);
  const std::optional<std::string> text =
      read_text(opened.type.get(), opened.space.get(), [&](hid_t type, void* memory) {
        return H5Dread(opened.id.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, memory);
      });
  if (!text) handle_->fail_dataset(opened.name, "cannot be read: " + hdf5_reason());
  return *text;
}

std::optional<std::string> Hdf5File::string_attribute(const std::string& object,
                                                      const std::string& attribute) const {
  const Hdf5Silence silence;
  const Hdf5Id opened = handle_->open_attribute(without_slash(object), attribute);
  if (!opened.valid()) return std::nullopt;
  const Hdf5Id type(H5Aget_type(opened.get()));
  const Hdf5Id space(H5Aget_space(opened.get()));
  std::optional<std::string> text;
  if (H5Tget_class(type.get()) == H5T_STRING && H5Sget_simple_extent_npoints(space.get()) == 1) {
    text = read_text(type.get(), space.get(), [&](hid_t memory_type, void* memory) {
      return H5Aread(opened.get(), memory_type, memory);
    });
  }
  if (!text)
    fail(path_, fmt::format("attribute '{}' of '/{}' is not one string", attribute, object));
  return text;
}

std::optional<int64_t> Hdf5File::integer_attribute(const std::string& object,
                                                   const std::string& attribute) const {
  const Hdf5Silence silence;
  const Hdf5Id opened = handle_->open_attribute(without_slash(object), attribute);
  if (!opened.valid()) return std::nullopt;
  const Hdf5Id type(H5Aget_type(opened.get()));
  const Hdf5Id space(H5Aget_space(opened.get()));
  int64_t value = 0;
  if (!is_number(H5Tget_class(type.get())) || H5Sget_simple_extent_npoints(space.get()) != 1 ||
      H5Aread(opened.get(), H5T_NATIVE_INT64, &value) < 0) {
    fail(path_, fmt::format("attribute '{}' of '/{}' is not one integer", attribute, object));
  }
  return value;
}

}  // namespace dlrun::model_io
