#include "core/model_io/host_blob.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/base/error.hpp"

namespace dlrun::model_io {

const char* to_string(DataType type) {
  return type == DataType::kFloat64 ? "float64" : "float32";
}

int64_t element_count(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t axis : shape) {
    if (axis < 0 || __builtin_mul_overflow(count, axis, &count)) return -1;
  }
  return count;
}

std::string shape_to_string(const std::vector<int64_t>& shape) {
  return shape.empty() ? "()" : fmt::format("{}", fmt::join(shape, "x"));
}

void require_complete(const HostBlob& blob, const std::filesystem::path& path) {
  const int64_t count = element_count(blob.shape);
  if (count >= 0 && static_cast<uint64_t>(count) == blob.value_count()) return;
  base::fail_work({path.string()}, fmt::format("cannot write: a blob of shape {} has {} values",
                                               shape_to_string(blob.shape), blob.value_count()));
}

size_t HostBlob::value_count() const {
  return std::visit([](const auto& stored) { return stored.size(); }, values);
}

size_t HostBlob::byte_size() const {
  return std::visit([](const auto& stored) { return stored.size() * sizeof(stored[0]); }, values);
}

const void* HostBlob::data() const {
  return std::visit([](const auto& stored) -> const void* { return stored.data(); }, values);
}

void* HostBlob::data() {
  return std::visit([](auto& stored) -> void* { return stored.data(); }, values);
}

bool HostBlob::shape_fits(const std::vector<int64_t>& wanted) const {
  if (!legacy_shape) return shape == wanted;
  if (wanted.size() > shape.size()) return false;
  const auto trailing = shape.end() - static_cast<ptrdiff_t>(wanted.size());
  return std::all_of(shape.begin(), trailing, [](int64_t axis) { return axis == 1; }) &&
         std::equal(trailing, shape.end(), wanted.begin());
}

std::vector<float> HostBlob::to_floats() const {
  return std::visit(
      [](const auto& stored) {
        std::vector<float> result(stored.size());
        std::transform(stored.begin(), stored.end(), result.begin(),
                       [](auto value) { return static_cast<float>(value); });
        return result;
      },
      values);
}

std::vector<double> HostBlob::to_doubles() const {
  return std::visit(
      [](const auto& stored) { return std::vector<double>(stored.begin(), stored.end()); }, values);
}

HostBlob HostBlob::of_floats(std::vector<int64_t> shape, std::vector<float> values) {
  HostBlob blob;
  blob.shape = std::move(shape);
  blob.values = std::move(values);
  return blob;
}

HostBlob HostBlob::of_doubles(std::vector<int64_t> shape, std::vector<double> values) {
  HostBlob blob;
  blob.shape = std::move(shape);
  blob.values = std::move(values);
  return blob;
}

HostBlob HostBlob::absent() {
  HostBlob blob;
  blob.present = false;
  return blob;
}

}  // namespace dlrun::model_io
