// window.cpp: the geometry of sliding windows.
#include "window.hpp"

#include <climits>
#include <cstring>

namespace dlrun::cpu {
namespace {

Extents read_extents(const OpView& op, std::string_view name, size_t axes, int64_t otherwise) {
  Extents values = op.integers(name);
  if (values.empty()) values.assign(axes, otherwise);
  if (values.size() != axes) {
    throw Error(std::string(op.op()) + ": '" + std::string(name) + "' has " +
                std::to_string(values.size()) + " values for " + std::to_string(axes) +
                " spatial axes");
  }
  return values;
}

Extents spatial(const Shape& shape) {
  Extents extents;
  for (int axis = 2; axis < shape.rank(); ++axis)
    extents.push_back(shape[axis]);
  return extents;
}

// Row-major places of all points of `extents`; point i of an axis is at place(axis, i).
template <class Place>
std::vector<int32_t> places(const Extents& extents, Place&& place) {
  std::vector<int32_t> all{0};
  for (size_t axis = 0; axis < extents.size(); ++axis) {
    std::vector<int32_t> finer;
    finer.reserve(all.size() * static_cast<size_t>(extents[axis]));
    for (const int32_t at : all) {
      for (int64_t i = 0; i < extents[axis]; ++i)
        finer.push_back(static_cast<int32_t>(at + place(axis, i)));
    }
    all = std::move(finer);
  }
  return all;
}

}  // namespace

int64_t product(const Extents& extents) {
  int64_t product = 1;
  for (const int64_t extent : extents)
    product *= extent;
  return product;
}

bool Window::is_padded() const {
  for (const int64_t pad : this->pad) {
    if (pad != 0) return true;
  }
  return false;
}

Window read_window(const OpView& op, const Shape& in, const Shape& out) {
  const size_t axes = static_cast<size_t>(std::max(in.rank() - 2, 0));
  if (out.rank() != in.rank())
    throw Error(std::string(op.op()) + ": shapes " + in.text() + " and " + out.text());
  return {spatial(in),
          spatial(out),
          read_extents(op, "kernel", axes, 1),
          read_extents(op, "stride", axes, 1),
          read_extents(op, "pad", axes, 0),
          read_extents(op, "dilation", axes, 1)};
}

PaddedPlane::PaddedPlane(const Window& window, bool split) {
  const size_t axes = window.in.size(), last = axes - 1;
  const int64_t n_parts = split && axes > 0 ? window.stride[last] : 1;
  plain_ = !window.is_padded() && n_parts == 1;
  step_ = axes > 0 && n_parts == 1 ? window.stride[last] : 1;
  Extents pitch(axes, 1);
  int64_t part_length = 1;
  for (size_t axis = axes; axis-- > 0;) {
    pitch[axis] = count_;
    const int64_t extent = window.in[axis] + 2 * window.pad[axis];
    if (axis == last) part_length = (extent + n_parts - 1) / n_parts;
    count_ *= axis == last ? part_length * n_parts : extent;
    if (count_ > INT_MAX) throw Declined("a padded image has more than 2147483647 elements");
  }
  const auto column = [&](int64_t i) { return i % n_parts * part_length + i / n_parts; };
  positions_ = places(window.out, [&](size_t axis, int64_t i) {
    return axis == last ? column(i * window.stride[axis]) : i * window.stride[axis] * pitch[axis];
  });
  taps_ = places(window.kernel, [&](size_t axis, int64_t i) {
    return axis == last ? column(i * window.dilation[axis])
                        : i * window.dilation[axis] * pitch[axis];
  });
  Extents leading(window.in);
  if (axes > 0) {
    row_length_ = leading.back();
    leading.pop_back();
  }
  rows_ =
      places(leading, [&](size_t axis, int64_t i) { return (i + window.pad[axis]) * pitch[axis]; });
  for (int64_t i = 0; i < std::min(n_parts, row_length_); ++i) {
    parts_.push_back({i, axes > 0 ? column(i + window.pad[last]) : 0});
  }
}

template <class T>
void PaddedPlane::copy_in(int64_t channels, const T* image, T* stored) const {
  const int64_t n_parts = static_cast<int64_t>(parts_.size());
  for (int64_t c = 0; c < channels; ++c, stored += count_) {
    for (const int32_t row : rows_) {
      for (const Part& part : parts_) {
        T* to = stored + row + part.at;
        if (n_parts == 1) {
          std::memcpy(to, image, static_cast<size_t>(row_length_) * sizeof(T));
        } else {
          for (int64_t i = part.column; i < row_length_; i += n_parts)
            *to++ = image[i];
        }
      }
      image += row_length_;
    }
  }
}

template <class T>
void PaddedPlane::copy_out(int64_t channels, const T* stored, T* image, bool add) const {
  const int64_t n_parts = static_cast<int64_t>(parts_.size());
  for (int64_t c = 0; c < channels; ++c, stored += count_) {
    for (const int32_t row : rows_) {
      for (const Part& part : parts_) {
        const T* from = stored + row + part.at;
        if (add) {
          for (int64_t i = part.column; i < row_length_; i += n_parts)
            image[i] += *from++;
        } else {
          for (int64_t i = part.column; i < row_length_; i += n_parts)
            image[i] = *from++;
        }
      }
      image += row_length_;
    }
  }
}

template void PaddedPlane::copy_in(int64_t, const float*, float*) const;
template void PaddedPlane::copy_in(int64_t, const double*, double*) const;
template void PaddedPlane::copy_out(int64_t, const float*, float*, bool) const;
template void PaddedPlane::copy_out(int64_t, const double*, double*, bool) const;

Panels make_panels(int64_t images, const std::vector<int32_t>& positions, int64_t image_pitch,
                   int64_t step, int64_t columns) {
  const int64_t pixels = static_cast<int64_t>(positions.size());
  if (images * image_pitch > INT_MAX) throw Declined("images of more than 2147483647 elements");
  const auto place = [&](int64_t index) {
    return static_cast<int32_t>(index / pixels * image_pitch +
                                positions[static_cast<size_t>(index % pixels)]);
  };
  Panels result;
  for (int64_t begin = 0; begin < images * pixels; begin += columns) {
    Panel panel{};
    panel.first_segment = static_cast<int32_t>(result.segments.size());
    panel.columns = static_cast<int32_t>(std::min(columns, images * pixels - begin));
    panel.image = static_cast<int32_t>(begin / pixels);
    panel.pixel = static_cast<int32_t>(begin % pixels);
    panel.one_image = panel.columns == columns && panel.pixel + columns <= pixels;
    for (int32_t column = 0; column < panel.columns; ++column) {
      const int32_t at = place(begin + column);
      Segment* last = result.segments.empty() ? nullptr : &result.segments.back();
      const bool goes_on = column > 0 && at == last->base + last->length * step;
      if (goes_on) {
        ++last->length;
      } else {
        result.segments.push_back({column, 1, at});
      }
    }
    panel.n_segments = static_cast<int32_t>(result.segments.size()) - panel.first_segment;
    const int64_t lanes = columns / 2;
    panel.vectors = step == 1 && panel.columns == columns;
    for (int32_t i = 0; i < panel.n_segments; ++i) {
      const Segment& s = result.segments[static_cast<size_t>(panel.first_segment + i)];
      panel.vectors = panel.vectors && s.length % lanes == 0;
      panel.reach = std::max(panel.reach, s.base + (s.length + lanes - 1) / lanes * lanes);
    }
    result.panels.push_back(panel);
  }
  return result;
}

}  // namespace dlrun::cpu
