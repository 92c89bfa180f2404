// Values of datasets and attributes: sizes are checked before memory is taken, and numbers
// converted.
#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <type_traits>

#include "core/model_io/hdf5_access.hpp"

namespace dlrun::model_io {
namespace {

constexpr size_t kLongestText = 1 << 20;  // bytes; names and phases are short

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

bool is_hdf5_number(hid_t type) {
  const H5T_class_t kind = H5Tget_class(type);
  return kind == H5T_INTEGER || kind == H5T_FLOAT || kind == H5T_ENUM;
}

std::optional<std::string> read_hdf5_text(
    hid_t type, hid_t space, const std::function<herr_t(hid_t memory_type, void* memory)>& read) {
  if (H5Tget_class(type) != H5T_STRING || H5Sget_simple_extent_npoints(space) != 1) return {};
  if (H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    if (read(type, static_cast<void*>(&text)) < 0) return {};
    std::string result = text == nullptr ? "" : text;
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, &text);
    return result;
  }
  if (H5Tget_size(type) > kLongestText) return {};
  std::string result(H5Tget_size(type), '\0');
  if (read(type, static_cast<void*>(result.data())) < 0) return {};
  if (H5Tget_strpad(type) == H5T_STR_SPACEPAD) {
    result.erase(result.find_last_not_of(' ') + 1);
  } else {
    result.erase(std::min(result.find('\0'), result.size()));
  }
  return result;
}

// Damaged files may claim sizes that no memory holds; even the best compression has a limit.
void Hdf5Access::check_size(const Hdf5OpenDataset& dataset) const {
  constexpr double kBestCompression = 1100;
  constexpr double kAlwaysAllowed = 64 << 20;
  const double bytes = static_cast<double>(element_count(dataset.shape)) *
                       static_cast<double>(H5Tget_size(dataset.type.get()));
  if (bytes > kAlwaysAllowed && bytes > kBestCompression * static_cast<double>(file_size_)) {
    fail_dataset(dataset.name,
                 fmt::format("of shape {} cannot lie in a file of {} bytes; the file is damaged",
                             shape_to_string(dataset.shape), file_size_));
  }
}

Hdf5Id Hdf5Access::select(const Hdf5OpenDataset& dataset, const Hdf5Rows& rows,
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
std::vector<Value> Hdf5Access::read(const Hdf5OpenDataset& dataset, const Hdf5Rows& rows,
                                    std::vector<int64_t>& shape) const {
  if (!is_hdf5_number(dataset.type.get())) {
    fail_dataset(dataset.name, fmt::format("is {}, expected numbers",
                                           describe(H5Tget_class(dataset.type.get()))));
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

HostBlob Hdf5Access::read_blob(const Hdf5OpenDataset& dataset, const Hdf5Rows& rows,
                               DataType type) const {
  HostBlob blob;
  if (type == DataType::kFloat64) {
    blob.values = read<double>(dataset, rows, blob.shape);
  } else {
    blob.values = read<float>(dataset, rows, blob.shape);
  }
  return blob;
}

template std::vector<int64_t> Hdf5Access::read(const Hdf5OpenDataset&, const Hdf5Rows&,
                                               std::vector<int64_t>&) const;

}  // namespace dlrun::model_io
