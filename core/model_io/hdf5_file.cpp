#include "core/model_io/hdf5_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/model_io/hdf5_access.hpp"

namespace dlrun::model_io {
namespace {

std::string without_slash(std::string name) {
  while (name.starts_with('/'))
    name.erase(0, 1);
  while (name.ends_with('/'))
    name.pop_back();
  return name;
}

}  // namespace

Hdf5File::Hdf5File(std::filesystem::path path, std::unique_ptr<Hdf5Access> access)
    : path_(std::move(path)), access_(std::move(access)) {}
Hdf5File::Hdf5File(Hdf5File&&) noexcept = default;
Hdf5File& Hdf5File::operator=(Hdf5File&&) noexcept = default;
Hdf5File::~Hdf5File() {
  const Hdf5Silence silence;
  access_.reset();
}

Hdf5File Hdf5File::open(const std::filesystem::path& path) {
  const Hdf5Silence silence;
  return Hdf5File(path, std::make_unique<Hdf5Access>(path));
}

bool Hdf5File::has(const std::string& name) const {
  const Hdf5Silence silence;
  return access_->exists(without_slash(name));
}

bool Hdf5File::is_dataset(const std::string& name) const {
  const Hdf5Silence silence;
  return access_->kind(without_slash(name)) == H5I_DATASET;
}

bool Hdf5File::is_group(const std::string& name) const {
  const Hdf5Silence silence;
  return access_->kind(without_slash(name)) == H5I_GROUP;
}

std::vector<Hdf5Dataset> Hdf5File::datasets(const std::string& group) const {
  const Hdf5Silence silence;
  std::vector<Hdf5Dataset> found;
  access_->list(without_slash(group), 0, found);
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return found;
}

std::vector<std::string> Hdf5File::members(const std::string& group) const {
  const Hdf5Silence silence;
  return access_->members(without_slash(group));
}

std::vector<int64_t> Hdf5File::shape(const std::string& dataset) const {
  const Hdf5Silence silence;
  return access_->open_dataset(without_slash(dataset)).shape;
}

HostBlob Hdf5File::read(const std::string& dataset) const {
  const Hdf5Silence silence;
  const Hdf5OpenDataset opened = access_->open_dataset(without_slash(dataset));
  const bool wide = H5Tget_class(opened.type.get()) == H5T_FLOAT &&
                    H5Tget_size(opened.type.get()) > sizeof(float);
  return access_->read_blob(opened, {}, wide ? DataType::kFloat64 : DataType::kFloat32);
}

HostBlob Hdf5File::read(const std::string& dataset, DataType type) const {
  const Hdf5Silence silence;
  return access_->read_blob(access_->open_dataset(without_slash(dataset)), {}, type);
}

HostBlob Hdf5File::read_rows(const std::string& dataset, int64_t first, int64_t count,
                             DataType type) const {
  const Hdf5Silence silence;
  return access_->read_blob(access_->open_dataset(without_slash(dataset)), {false, first, count},
                            type);
}

std::vector<int64_t> Hdf5File::read_integers(const std::string& dataset) const {
  const Hdf5Silence silence;
  std::vector<int64_t> shape;
  return access_->read<int64_t>(access_->open_dataset(without_slash(dataset)), {}, shape);
}

std::string Hdf5File::read_string(const std::string& dataset) const {
  const Hdf5Silence silence;
  const Hdf5OpenDataset opened = access_->open_dataset(without_slash(dataset));
  const std::optional<std::string> text =
      read_hdf5_text(opened.type.get(), opened.space.get(), [&](hid_t memory_type, void* memory) {
        return H5Dread(opened.id.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, memory);
      });
  if (!text) access_->fail_dataset(opened.name, "is not one string");
  return *text;
}

std::optional<std::string> Hdf5File::string_attribute(const std::string& object,
                                                      const std::string& attribute) const {
  const Hdf5Silence silence;
  const Hdf5Id opened = access_->open_attribute(without_slash(object), attribute);
  if (!opened.valid()) return std::nullopt;
  const Hdf5Id type(H5Aget_type(opened.get()));
  const Hdf5Id space(H5Aget_space(opened.get()));
  const std::optional<std::string> text = read_hdf5_text(
      type.get(), space.get(),
      [&](hid_t memory_type, void* memory) { return H5Aread(opened.get(), memory_type, memory); });
  if (!text)
    access_->fail(fmt::format("attribute '{}' of '/{}' is not one string", attribute, object));
  return text;
}

std::optional<int64_t> Hdf5File::integer_attribute(const std::string& object,
                                                   const std::string& attribute) const {
  const Hdf5Silence silence;
  const Hdf5Id opened = access_->open_attribute(without_slash(object), attribute);
  if (!opened.valid()) return std::nullopt;
  const Hdf5Id type(H5Aget_type(opened.get()));
  const Hdf5Id space(H5Aget_space(opened.get()));
  int64_t value = 0;
  if (!is_hdf5_number(type.get()) || H5Sget_simple_extent_npoints(space.get()) != 1 ||
      H5Aread(opened.get(), H5T_NATIVE_INT64, &value) < 0) {
    access_->fail(fmt::format("attribute '{}' of '/{}' is not one integer", attribute, object));
  }
  return value;
}

}  // namespace dlrun::model_io
