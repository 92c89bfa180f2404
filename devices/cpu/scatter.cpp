// scatter.cpp: backward by data, scattered.
#include "scatter.hpp"

#include "isa/choose.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <numeric>

namespace dlrun::cpu {

template <class T>
Scatter<T>::Scatter(const Device& device, const ScatterShape& shape, WorkspaceLayout& workspace)
    : tile_(functions<T>(device.isa()).tile),
      shape_(shape),
      plane_(shape.window, true),
      slots_(std::max<int64_t>(1, std::min(device.threads(), shape.images * shape.groups))) {
  const int64_t taps = shape.window.taps(), pixels = shape.window.out_count();
  if (shape.channels * plane_.count() > INT32_MAX || shape.rows * pixels > INT32_MAX) {
    throw Declined("an image has more than 2147483647 elements");
  }
  // Taps outermost: the rows of a tile then belong to different channels and never meet in the
  // image.
  for (int64_t tap = 0; tap < taps; ++tap) {
    for (int64_t channel = 0; channel < shape.channels; ++channel) {
      offsets_.push_back(static_cast<int32_t>(channel * plane_.count()) +
                         plane_.taps()[static_cast<size_t>(tap)]);
      weight_at_.push_back(channel * taps + tap);
    }
  }
  row_panels_ = (unfolded() + tile_.most_rows - 1) / tile_.most_rows;
  for (int64_t row = 0; row < shape.rows; ++row) {
    rows_at_.push_back(static_cast<int32_t>(row * pixels));
    panel_offsets_.push_back(static_cast<int32_t>(row * tile_.columns));
  }
  std::vector<int32_t> in_order(static_cast<size_t>(pixels));
  std::iota(in_order.begin(), in_order.end(), 0);
  gradient_ = make_panels(1, in_order, pixels, 1, tile_.columns);
  image_ = make_panels(1, plane_.positions(), plane_.count(), plane_.step(), tile_.columns);

  weights_at_ = workspace.add<T>(shape.groups * shape.rows * unfolded());
  WorkspaceLayout own;
  panel_at_ = own.add<T>((shape.rows + 1) * tile_.columns);
  tile_at_ = own.add<T>(tile_.most_rows * tile_.columns);
  image_at_ = own.add<T>(plane_.is_plain() ? 0 : shape.channels * plane_.count());
  own_bytes_ = own.bytes();
  own_at_ = workspace.add<char>(slots_ * own_bytes_);
}

template <class T>
void Scatter<T>::run(const T* dy, const T* weights, const T* bias, T* dx, bool add,
                     char* workspace) const {
  T* packed = piece<T>(workspace, weights_at_);
  pack_weights(weights, packed);
  const int64_t parts = shape_.images * shape_.groups;
  const int64_t dy_size = shape_.rows * shape_.window.out_count();
  const int64_t dx_size = shape_.channels * shape_.window.in_count();
  for_each_slot(slots_, [&](int64_t slot) {
    const Range range = part_of(parts, slot, slots_);
    for (int64_t part = range.begin; part < range.end; ++part) {
      const int64_t group = part % shape_.groups;
      run_image(dy + part * dy_size, packed + group * shape_.rows * unfolded(),
                bias == nullptr ? nullptr : bias + group * shape_.channels,
                (parts - part) * dy_size, dx + part * dx_size, add,
                workspace + own_at_ + slot * own_bytes_);
    }
  });
}

// Each group, each panel of rows (tap, channel): [channels of y][rows].
template <class T>
void Scatter<T>::pack_weights(const T* weights, T* packed) const {
  const int64_t group_size = shape_.rows * unfolded();
  parallel_for(shape_.groups * row_panels_, grain_for(group_size / row_panels_),
               [&](int64_t begin, int64_t end) {
                 for (int64_t item = begin; item < end; ++item) {
                   const int64_t group = item / row_panels_;
                   const int64_t first = first_row(item % row_panels_),
                                 last = first_row(item % row_panels_ + 1);
                   T* to = packed + group * group_size + first * shape_.rows;
                   for (int64_t row = 0; row < shape_.rows; ++row) {
                     const T* from = weights + group * group_size + row * unfolded();
                     for (int64_t r = first; r < last; ++r)
                       *to++ = from[weight_at_[static_cast<size_t>(r)]];
                   }
                 }
               });
}

template <class T>
void Scatter<T>::start_image(const T* bias, bool keep, T* image) const {
  for (int64_t channel = 0; channel < shape_.channels; ++channel, image += plane_.count()) {
    const T value = bias == nullptr ? 0 : bias[channel];
    if (!keep) {
      std::fill_n(image, plane_.count(), value);
    } else if (value != 0) {
      for (int64_t i = 0; i < plane_.count(); ++i)
        image[i] += value;
    }
  }
}

template <class T>
void Scatter<T>::run_image(const T* dy, const T* weights, const T* bias, int64_t reachable, T* dx,
                           bool add, char* own) const {
  T* image = plane_.is_plain() ? dx : piece<T>(own, image_at_);
  start_image(bias, plane_.is_plain() && add, image);
  add_tiles(dy, weights, reachable, image, own);
  if (!plane_.is_plain()) plane_.copy_out(shape_.channels, image, dx, add);
}

template <class T>
void Scatter<T>::add_tiles(const T* dy, const T* weights, int64_t reachable, T* image,
                           char* own) const {
  T* packed = piece<T>(own, panel_at_);
  T* tile = piece<T>(own, tile_at_);
  for (size_t i = 0; i < image_.panels.size(); ++i) {
    const Panel& from = gradient_.panels[i];
    const Panel& to = image_.panels[i];
    const bool overrun = from.reach + rows_at_.back() <= reachable;
    tile_.pack(shape_.rows, dy, rows_at_.data(),
               &gradient_.segments[static_cast<size_t>(from.first_segment)], from.n_segments, 1,
               overrun, packed);
    for (int64_t panel = 0; panel < row_panels_; ++panel) {
      const int64_t row = first_row(panel), rows = first_row(panel + 1) - row;
      if (to.vectors) {
        const Segment* segments = &image_.segments[static_cast<size_t>(to.first_segment)];
        T* x0 = image + segments[0].base;
        T* x1 = to.n_segments == 1 ? x0 + tile_.lanes : image + segments[1].base;
        tile_.multiply_scatter(rows, shape_.rows, weights + row * shape_.rows, packed, x0, x1,
                               offsets_.data() + row);
        continue;
      }
      tile_.multiply(rows, shape_.rows, weights + row * shape_.rows, panel_offsets_.data(), packed,
                     packed + tile_.lanes, tile, tile_.columns, nullptr, false);
      tile_.scatter(rows, tile, offsets_.data() + row,
                    &image_.segments[static_cast<size_t>(to.first_segment)], to.n_segments,
                    plane_.step(), image);
    }
  }
}

template class Scatter<float>;
template class Scatter<double>;

}  // namespace dlrun::cpu
