// spatial_window.hpp: a window that slides over up to three spatial axes, for layers that convolve
// or pool.
#pragma once

#include <dlrun/layer.hpp>

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace dlrun {

inline constexpr int kMaxSpatialAxes = 3;

// One value along each of depth, height and width. With fewer spatial axes the leading ones are
// idle: a size of 1, a stride of 1, no padding.
using Spatial = std::array<int64_t, kMaxSpatialAxes>;

inline int64_t product(const Spatial& sizes) {
  return sizes[0] * sizes[1] * sizes[2];
}

// The sizes of the last `axes` axes of a shape.
inline Spatial spatial_sizes(const Shape& shape, int axes) {
  Spatial sizes = {1, 1, 1};
  for (int i = 0; i < axes; ++i) {
    sizes[static_cast<size_t>(kMaxSpatialAxes - 1 - i)] = shape[shape.rank() - 1 - i];
  }
  return sizes;
}

struct SpatialWindow {
  int axes = 0;
  Spatial in = {1, 1, 1};
  Spatial kernel = {1, 1, 1};
  Spatial stride = {1, 1, 1};
  Spatial pad = {0, 0, 0};
  Spatial dilation = {1, 1, 1};
  Spatial out = {1, 1, 1};

  // The values of the axes that there are, as operators want them.
  std::vector<int64_t> list(const Spatial& values) const {
    return {values.end() - axes, values.end()};
  }
  // What the kernel covers along an axis, gaps included.
  int64_t extent(size_t axis) const { return dilation[axis] * (kernel[axis] - 1) + 1; }
};

// How a window is written in a configuration: one value for all axes, one for each, or `NAME_h` and
// `NAME_w`.
class WindowField {
 public:
  // `least` is the smallest value allowed; `otherwise` what stands for a field that isn't set, if
  // anything does.
  WindowField(const Params& params, std::string field, std::string prefix, int64_t least,
              std::optional<int64_t> otherwise)
      : params_(params), field_(std::move(field)), values_(params.all<int64_t>(field_)) {
    if (!prefix.empty()) read_height_and_width(prefix, otherwise);
    for (const int64_t value : values_) {
      if (value < least) {
        params_.fail(field_, field_ + " is " + std::to_string(value) + ", expected at least " +
                                 std::to_string(least));
      }
    }
    if (values_.empty() && otherwise) values_.push_back(*otherwise);
  }

  bool is_set() const { return !values_.empty(); }
  const std::string& name() const { return field_; }

  // The value of each axis.
  Spatial resolve(int axes, const Spatial& idle) const {
    if (values_.empty()) params_.fail("", field_ + " is missing: set it, or its _h and _w");
    const int given = static_cast<int>(values_.size());
    if (given != 1 && given != axes) {
      params_.fail(field_, field_ + " has " + std::to_string(given) +
                               " values, but the bottom has " + std::to_string(axes) +
                               " spatial axes; give one value for all of "
                               "them or one for each");
    }
    Spatial result = idle;
    for (int i = 0; i < axes; ++i) {
      result[static_cast<size_t>(kMaxSpatialAxes - axes + i)] =
          values_[given == 1 ? 0 : static_cast<size_t>(i)];
    }
    return result;
  }

 private:
  void read_height_and_width(const std::string& prefix, std::optional<int64_t> otherwise) {
    const std::string h = prefix + "_h";
    const std::string w = prefix + "_w";
    if (!params_.has(h) && !params_.has(w)) return;
    if (!values_.empty()) {
      params_.fail(field_,
                   field_ + " and " + h + " or " + w + " are both set; use one way of saying it");
    }
    for (const std::string& side : {h, w}) {
      if (!params_.has(side) && !otherwise) params_.fail("", side + " is missing: set it as well");
      values_.push_back(params_.has(side) ? params_.get<int64_t>(side) : *otherwise);
    }
    field_ = params_.has(h) ? h : w;
  }

  Params params_;
  std::string field_;
  std::vector<int64_t> values_;
};

}  // namespace dlrun
