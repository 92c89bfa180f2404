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

// Row-major places of all points of `extents`, where a step along an axis is `pitch[axis]`.
std::vector<int32_t> places(const Extents& extents, const Extents& pitch) {
  std::vector<int32_t> all{0};
  for (size_t axis = 0; axis < extents.size(); ++axis) {
    std::vector<int32_t> finer;
    finer.reserve(all.size() * static_cast<size_t>(extents[axis]));
    for (const int32_t at : all) {
      for (int64_t i = 0; i < extents[axis]; ++i)
        finer.push_back(static_cast<int32_t>(at + i * pitch[axis]));
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

PaddedPlane::PaddedPlane(const Window& window) {
  const size_t axes = window.in.size();
  Extents pitch(axes, 1);
  int64_t first = 0;  // where the image's first element lies
  for (size_t axis = axes; axis-- > 0;) {
    pitch[axis] = count_;
    first += window.pad[axis] * count_;
    count_ *= window.in[axis] + 2 * window.pad[axis];
    if (count_ > INT_MAX) throw Declined("a padded image has more than 2147483647 elements");
  }
  Extents strides(axes), dilations(axes);
  for (size_t axis = 0; axis < axes; ++axis) {
    strides[axis] = window.stride[axis] * pitch[axis];
    dilations[axis] = window.dilation[axis] * pitch[axis];
  }
  positions_ = places(window.out, strides);
  taps_ = places(window.kernel, dilations);
  Extents leading(window.in), leading_pitch(pitch);
  if (axes > 0) {
    row_length_ = leading.back();
    leading.pop_back();
    leading_pitch.pop_back();
  }
  rows_ = places(leading, leading_pitch);
  for (int32_t& row : rows_)
    row += static_cast<int32_t>(first);
}

template <class T>
void PaddedPlane::copy_in(int64_t channels, const T* image, T* padded) const {
  for (int64_t c = 0; c < channels; ++c, padded += count_) {
    for (const int32_t row : rows_) {
      std::memcpy(padded + row, image, static_cast<size_t>(row_length_) * sizeof(T));
      image += row_length_;
    }
  }
}

template <class T>
void PaddedPlane::copy_out(int64_t channels, const T* padded, T* image, bool add) const {
  for (int64_t c = 0; c < channels; ++c, padded += count_) {
    for (const int32_t row : rows_) {
      const T* from = padded + row;
      if (add) {
        for (int64_t i = 0; i < row_length_; ++i)
          image[i] += from[i];
      } else {
        std::memcpy(image, from, static_cast<size_t>(row_length_) * sizeof(T));
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
