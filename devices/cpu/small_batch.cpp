// small_batch.cpp: inner products of few images. BLAS takes about twice as long for AlexNet's at
// batch 16; for the gradient by data it was the faster one and is used.
#include "small_batch.hpp"

#include "isa/choose.hpp"

#include <cstring>
#include <numeric>

namespace dlrun::cpu {
namespace {

constexpr int64_t kMostImages = 32;
constexpr int64_t kLeastWeights = 1 << 18;
constexpr int64_t kChannelBlock = 2048;  // of all images' values: stays in the second-level cache
constexpr int64_t kMostTile = 12 * 32;   // elements of a tile of any instruction set

int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

std::vector<int32_t> multiples(int64_t count, int64_t of) {
  std::vector<int32_t> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<int32_t>(i * of));
  return values;
}

// A tile of a matrix of which the last `columns` may be fewer than a tile's.
template <class T>
void multiply_part(const TileFunctions<T>& tile, int64_t rows, int64_t columns, int64_t depth,
                   const T* a, const int32_t* offsets, const T* b, T* c, int64_t pitch, bool add) {
  if (columns >= tile.columns) {
    return tile.multiply(rows, depth, a, offsets, b, b + tile.lanes, c, pitch, nullptr, add);
  }
  T part[kMostTile];
  tile.multiply(rows, depth, a, offsets, b, b + tile.lanes, part, tile.columns, nullptr, false);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < columns; ++j) {
      T& to = c[r * pitch + j];
      to = add ? to + part[r * tile.columns + j] : part[r * tile.columns + j];
    }
  }
}

}  // namespace

bool is_small_batch(const InnerShape& shape) {
  return shape.images <= kMostImages && shape.outputs * shape.channels >= kLeastWeights &&
         shape.channels <= (1 << 27);
}

template <class T>
SmallBatchForward<T>::SmallBatchForward(const Device& device, const InnerShape& shape,
                                        WorkspaceLayout& workspace)
    : tile_(functions<T>(device.isa()).tile), shape_(shape), slots_(device.threads()) {
  int64_t vectors = divide_up(shape.images, tile_.lanes);
  while (vectors > 0) {
    const int64_t taken = vectors == 3 || vectors == 1 ? vectors : 2;
    panels_.push_back(
        {width_, std::min(taken * tile_.lanes, shape.images - width_), taken, taken * tile_.lanes});
    width_ += taken * tile_.lanes;
    vectors -= taken;
  }
  row_offsets_ = multiples(12, shape.channels);
  in_order_ = multiples(kChannelBlock, 1);
  transposed_at_ = workspace.add<T>(shape.channels * width_);
  sums_at_ = workspace.add<T>(shape.outputs * width_);
}

template <class T>
void SmallBatchForward<T>::run(const T* x, const T* w, const T* bias, T* y, char* workspace) const {
  T* transposed = piece<T>(workspace, transposed_at_);
  T* sums = piece<T>(workspace, sums_at_);
  const int64_t c = shape_.channels;
  for (const ImagePanel& panel : panels_) {
    tile_.transpose(panel.images, panel.width, c, x + panel.first * c, c,
                    transposed + panel.first * c);
  }
  for_each_slot(slots_, [&](int64_t slot) {
    const Range outputs = part_of(shape_.outputs, slot, slots_);
    run_slot(w, transposed, sums, outputs);
    for (int64_t n = 0; n < shape_.images; ++n) {
      for (int64_t k = outputs.begin; k < outputs.end; ++k) {
        y[n * shape_.outputs + k] = sums[k * width_ + n] + (bias != nullptr ? bias[k] : T(0));
      }
    }
  });
}

template <class T>
void SmallBatchForward<T>::run_slot(const T* w, const T* transposed, T* sums,
                                    const Range& outputs) const {
  std::memset(sums + outputs.begin * width_, 0,
              static_cast<size_t>((outputs.end - outputs.begin) * width_) * sizeof(T));
  for (int64_t channel = 0; channel < shape_.channels; channel += kChannelBlock) {
    const int64_t length = std::min(kChannelBlock, shape_.channels - channel);
    for (const ImagePanel& panel : panels_) {
      const T* values = transposed + panel.first * shape_.channels + channel * panel.width;
      const int64_t count = outputs.end - outputs.begin;
      const int64_t tiles = divide_up(count, tile_.most_sum_rows[panel.vectors - 1]);
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t k = outputs.begin + count * tile / tiles,
                      end = outputs.begin + count * (tile + 1) / tiles;
        tile_.sum_pixels(end - k, panel.vectors, length, w + k * shape_.channels + channel,
                         row_offsets_.data(), in_order_.data(), values,
                         sums + k * width_ + panel.first, width_);
      }
    }
  }
}

template <class T>
SmallBatchWeights<T>::SmallBatchWeights(const Device& device, const InnerShape& shape,
                                        WorkspaceLayout& workspace)
    : tile_(functions<T>(device.isa()).tile),
      shape_(shape),
      slots_(device.threads()),
      output_panels_(divide_up(shape.outputs, tile_.most_rows)),
      channel_panels_(divide_up(shape.channels, tile_.columns)),
      panel_offsets_(multiples(shape.images, tile_.columns)),
      packed_at_(workspace.add<T>(channel_panels_ * tile_.columns * shape.images)) {}

template <class T>
void SmallBatchWeights<T>::run(const T* x, const T* dy, T* dw, bool add, char* workspace) const {
  T* packed = piece<T>(workspace, packed_at_);
  tile_.pack_rows(shape_.images, shape_.channels, x, shape_.channels, packed);
  for_each_slot(slots_, [&](int64_t slot) {
    run_slot(part_of(output_panels_, slot, slots_), packed, dy, dw, add);
  });
}

template <class T>
void SmallBatchWeights<T>::run_slot(const Range& panels, const T* packed, const T* dy, T* dw,
                                    bool add) const {
  const int64_t images = shape_.images, panels_of_block = kChannelBlock / tile_.columns;
  for (int64_t begin = 0; begin < channel_panels_; begin += panels_of_block) {
    const int64_t end = std::min(begin + panels_of_block, channel_panels_);
    for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
      const int64_t first = first_output(panel), rows = first_output(panel + 1) - first;
      T gradient[kMostTile];  // [images][rows]
      for (int64_t n = 0; n < images; ++n) {
        for (int64_t r = 0; r < rows; ++r)
          gradient[n * rows + r] = dy[n * shape_.outputs + first + r];
      }
      for (int64_t i = begin; i < end; ++i) {
        const int64_t channel = i * tile_.columns;
        multiply_part(tile_, rows, shape_.channels - channel, images, gradient,
                      panel_offsets_.data(), packed + channel * images,
                      dw + first * shape_.channels + channel, shape_.channels, add);
      }
    }
  }
}

template class SmallBatchForward<float>;
template class SmallBatchForward<double>;
template class SmallBatchWeights<float>;
template class SmallBatchWeights<double>;

}  // namespace dlrun::cpu
