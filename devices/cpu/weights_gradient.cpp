// weights_gradient.cpp: backward by weights.
//
// The images are dealt to slots in a fixed way, each slot sums its own in order, and the slots'
// sums are added in order: runs with as many threads repeat bit for bit.
#include "weights_gradient.hpp"

#include "isa/choose.hpp"
#include "parallel.hpp"

#include <cstring>

namespace dlrun::cpu {
namespace {

constexpr int64_t kPixelBlock = 256;  // pixels whose gradients stay in the first-level cache
constexpr int64_t kMostImageSlots = 8;
constexpr int64_t kMostChunkImages = 16;

}  // namespace

template <class T>
WeightsGradient<T>::WeightsGradient(const Device& device, const WeightsGradientShape& shape,
                                    WorkspaceLayout& workspace)
    : tile_(functions<T>(device.isa()).tile),
      shape_(shape),
      plane_(shape.window, false),
      padded_(shape.window.is_padded()) {
  const int64_t pixels = shape.window.out_count();
  const int64_t image_pitch = (padded_ ? 1 : shape.groups) * shape.channels * plane_.count();
  chunk_images_ = 1;
  while (chunk_images_ * 2 * pixels <= kPixelBlock && chunk_images_ * 2 <= kMostChunkImages &&
         shape.images % (chunk_images_ * 2) == 0) {
    chunk_images_ *= 2;
  }
  if (chunk_images_ * image_pitch > INT32_MAX)
    throw Declined("an image has more than 2147483647 elements");
  for (int64_t channel = 0; channel < shape.channels; ++channel) {
    for (const int32_t tap : plane_.taps())
      offsets_.push_back(static_cast<int32_t>(channel * plane_.count()) + tap);
  }
  for (int64_t image = 0; image < chunk_images_; ++image) {
    for (const int32_t position : plane_.positions()) {
      positions_.push_back(static_cast<int32_t>(image * image_pitch) + position);
    }
  }
  // Panels of two vectors; one of three takes an odd one along.
  padded_rows_ = 0;
  int64_t vectors = (shape.rows + tile_.lanes - 1) / tile_.lanes;
  for (int64_t first = 0; vectors > 0;) {
    const int64_t taken = vectors == 3 || vectors == 1 ? vectors : 2;
    const int64_t width = taken * tile_.lanes;
    row_panels_.push_back({first, std::min(width, shape.rows - first), taken, width, padded_rows_});
    padded_rows_ += width;
    first += width;
    vectors -= taken;
  }
  const int64_t chunks = shape.images / chunk_images_;
  image_slots_ = std::max<int64_t>(1, std::min({device.threads(), chunks, kMostImageSlots}));
  unfolded_slots_ = std::max<int64_t>(1, device.threads() / image_slots_);

  sums_at_ = workspace.add<T>(image_slots_ * shape.groups * unfolded() * padded_rows_);
  bias_at_ = workspace.add<T>(image_slots_ * shape.groups * shape.rows);
  WorkspaceLayout own;
  transposed_at_ = own.add<T>(chunk_images_ * pixels * padded_rows_);
  image_at_ = own.add<T>(padded_ ? chunk_images_ * image_pitch : 0);
  own_bytes_ = own.bytes();
  own_at_ = workspace.add<char>(image_slots_ * unfolded_slots_ * own_bytes_);
}

template <class T>
void WeightsGradient<T>::run(const T* x, const T* dy, T* dw, T* dbias, bool add,
                             char* workspace) const {
  for_each_slot(image_slots_ * unfolded_slots_,
                [&](int64_t slot) { run_slot(slot, x, dy, dbias != nullptr, workspace); });
  reduce(dw, dbias, add, workspace);
}

// Some images, and of them the sums of some (channel, tap).
template <class T>
void WeightsGradient<T>::run_slot(int64_t slot, const T* x, const T* dy, bool with_bias,
                                  char* workspace) const {
  const int64_t image_slot = slot / unfolded_slots_, unfolded_slot = slot % unfolded_slots_;
  const int64_t group_size = unfolded() * padded_rows_;
  const int64_t pixels = shape_.window.out_count();
  const int64_t x_size = shape_.channels * shape_.window.in_count(), dy_size = shape_.rows * pixels;
  const Range part = part_of(unfolded(), unfolded_slot, unfolded_slots_);
  const Range chunks = part_of(shape_.images / chunk_images_, image_slot, image_slots_);
  T* sums = piece<T>(workspace, sums_at_) + image_slot * shape_.groups * group_size;
  T* bias_sums = piece<T>(workspace, bias_at_) + image_slot * shape_.groups * shape_.rows;
  char* own = workspace + own_at_ + slot * own_bytes_;
  T* padded = piece<T>(own, image_at_);
  T* transposed = piece<T>(own, transposed_at_);
  const bool bias_too = with_bias && unfolded_slot == 0;

  for (int64_t group = 0; group < shape_.groups; ++group) {
    T* begin = sums + group * group_size + part.begin * padded_rows_;
    std::memset(begin, 0, static_cast<size_t>((part.end - part.begin) * padded_rows_) * sizeof(T));
  }
  if (bias_too)
    std::memset(bias_sums, 0, static_cast<size_t>(shape_.groups * shape_.rows) * sizeof(T));
  if (padded_)
    std::memset(padded, 0,
                static_cast<size_t>(chunk_images_ * shape_.channels * plane_.count()) * sizeof(T));

  for (int64_t chunk = chunks.begin; chunk < chunks.end; ++chunk) {
    for (int64_t group = 0; group < shape_.groups; ++group) {
      const T* image = x + (chunk * chunk_images_ * shape_.groups + group) * x_size;
      for (int64_t i = 0; i < chunk_images_; ++i) {
        const T* gradient = dy + ((chunk * chunk_images_ + i) * shape_.groups + group) * dy_size;
        if (bias_too) add_bias(gradient, bias_sums + group * shape_.rows);
        for (const RowPanel& panel : row_panels_) {
          tile_.transpose(
              panel.rows, panel.width, pixels, gradient + panel.first * pixels, pixels,
              transposed + chunk_images_ * pixels * panel.at + i * pixels * panel.width);
        }
        if (padded_) {
          plane_.copy_in(shape_.channels, image + i * shape_.groups * x_size,
                         padded + i * shape_.channels * plane_.count());
        }
      }
      add_image(padded_ ? padded : image, part, sums + group * group_size, transposed);
    }
  }
}

template <class T>
void WeightsGradient<T>::add_bias(const T* dy, T* sums) const {
  const int64_t pixels = shape_.window.out_count();
  for (int64_t row = 0; row < shape_.rows; ++row)
    sums[row] += tile_.sum(dy + row * pixels, pixels);
}

template <class T>
void WeightsGradient<T>::add_image(const T* image, const Range& part, T* sums,
                                   const T* transposed) const {
  const int64_t pixels = static_cast<int64_t>(positions_.size());
  for (int64_t first = 0; first < pixels; first += kPixelBlock) {
    const int64_t block = std::min(kPixelBlock, pixels - first);
    for (const RowPanel& panel : row_panels_) {
      const T* d = transposed + pixels * panel.at + first * panel.width;
      const int64_t most = tile_.most_sum_rows[panel.vectors - 1];
      const int64_t count = part.end - part.begin, tiles = (count + most - 1) / most;
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t row = part.begin + count * tile / tiles,
                      end = part.begin + count * (tile + 1) / tiles;
        tile_.sum_pixels(end - row, panel.vectors, block, image, offsets_.data() + row,
                         positions_.data() + first, d, sums + row * padded_rows_ + panel.at,
                         padded_rows_);
      }
    }
  }
}

// Adds the image slots' sums, in order, and turns them to [rows][channel, tap].
template <class T>
void WeightsGradient<T>::reduce(T* dw, T* dbias, bool add, char* workspace) const {
  const int64_t group_size = unfolded() * padded_rows_;
  const T* sums = piece<T>(workspace, sums_at_);
  const T* bias_sums = piece<T>(workspace, bias_at_);
  const int64_t all_rows = shape_.groups * shape_.rows;
  parallel_for(all_rows, grain_for(unfolded()), [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t group = item / shape_.rows, row = item % shape_.rows;
      if (dw != nullptr) {
        T* to = dw + item * unfolded();
        const T* from = sums + group * group_size + row;
        for (int64_t i = 0; i < unfolded(); ++i) {
          T total = from[i * padded_rows_];
          for (int64_t slot = 1; slot < image_slots_; ++slot) {
            total += from[slot * shape_.groups * group_size + i * padded_rows_];
          }
          to[i] = add ? to[i] + total : total;
        }
      }
      if (dbias != nullptr) {
        T total = bias_sums[item];
        for (int64_t slot = 1; slot < image_slots_; ++slot)
          total += bias_sums[slot * all_rows + item];
        dbias[item] = add ? dbias[item] + total : total;
      }
    }
  });
}

template class WeightsGradient<float>;
template class WeightsGradient<double>;

}  // namespace dlrun::cpu
