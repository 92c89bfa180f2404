// gather.cpp: convolution by gathered panels.
//
// Loops, outermost first: chunks of images, groups, blocks of depth (channels and taps), panels of
// pixels, panels of rows. A block of weights stays in the second-level cache, a panel of pixels in
// the first.
#include "gather.hpp"

#include "isa/choose.hpp"
#include "parallel.hpp"

#include <cstring>

namespace dlrun::cpu {
namespace {

constexpr int64_t kWeightBlockBytes = 256
                                      << 10;  // what of the second-level cache the weights may take
constexpr int64_t kChunkBytes = 512 << 10;    // images of a chunk; they are read many times
constexpr int64_t kMostDepth = 320;
constexpr int64_t kLeastDepth = 128;
// With more panels of rows than this it pays to pack a panel of pixels that could be read where it
// lies.
constexpr int64_t kMostUnpackedRowPanels = 9;

int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// Splitting rows pays when each of their elements is used.
bool splits(const Window& window) {
  return window.axes() > 0 && window.stride.back() > 1 &&
         window.kernel.back() >= window.stride.back();
}

}  // namespace

template <class T>
Gather<T>::Gather(const Device& device, const GatherShape& shape, WorkspaceLayout& workspace)
    : tile_(functions<T>(device.isa()).tile),
      shape_(shape),
      plane_(shape.window, splits(shape.window)),
      slots_(device.threads()),
      row_panels_(divide_up(shape.rows, tile_.most_rows)) {
  const int64_t taps = shape.window.taps();
  if (shape.channels * plane_.count() > INT32_MAX)
    throw Declined("an image has more than 2147483647 elements");
  for (int64_t channel = 0; channel < shape.channels; ++channel) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      offsets_.push_back(static_cast<int32_t>(channel * plane_.count()) +
                         plane_.taps()[static_cast<size_t>(tap)]);
      depth_at_.push_back(channel * shape.channel_pitch + (shape.flipped ? taps - 1 - tap : tap));
    }
  }
  farthest_offset_ = offsets_.back();
  const int64_t fitting = kWeightBlockBytes / static_cast<int64_t>(sizeof(T)) / shape.rows;
  const int64_t most = std::clamp(fitting, kLeastDepth, kMostDepth);
  const int64_t n_blocks = divide_up(depth(), most);
  for (int64_t i = 0; i < n_blocks; ++i) {
    const int64_t begin = depth() * i / n_blocks;
    blocks_.push_back({begin, depth() * (i + 1) / n_blocks - begin});
  }
  for (int64_t l = 0; l < most; ++l)
    panel_offsets_.push_back(static_cast<int32_t>(l * tile_.columns));

  chunk_images_ = images_per_chunk();
  const int64_t image_pitch =
      (plane_.is_plain() ? shape.groups : 1) * shape.channels * plane_.count();
  panels_ =
      make_panels(chunk_images_, plane_.positions(), image_pitch, plane_.step(), tile_.columns);

  weights_at_ = workspace.add<T>(shape.groups * shape.rows * depth());
  WorkspaceLayout own;
  panel_at_ = own.add<T>((most + 1) * tile_.columns);
  tile_at_ = own.add<T>(tile_.most_rows * tile_.columns);
  image_at_ = own.add<T>(plane_.is_plain() ? 0 : chunk_images_ * image_pitch + tile_.columns);
  own_bytes_ = own.bytes();
  own_at_ = workspace.add<char>(slots_ * own_bytes_);
}

// As many as fill the last panel well, as long as they stay in the cache; always a divisor of all
// images.
template <class T>
int64_t Gather<T>::images_per_chunk() const {
  const int64_t pixels = shape_.window.out_count();
  const int64_t bytes = shape_.channels * plane_.count() * static_cast<int64_t>(sizeof(T));
  int64_t best = 1;
  double best_waste = 1e9;
  for (int64_t images = 1;
       images <= shape_.images && (images == 1 || images * bytes <= kChunkBytes); ++images) {
    if (shape_.images % images != 0) continue;
    const double waste =
        static_cast<double>(divide_up(images * pixels, tile_.columns) * tile_.columns) /
        static_cast<double>(images * pixels);
    if (waste < best_waste - 0.02) {
      best = images;
      best_waste = waste;
    }
  }
  return best;
}

template <class T>
void Gather<T>::run(const T* x, const T* weights, const T* bias, T* y, bool add,
                    char* workspace) const {
  pack_weights(weights, piece<T>(workspace, weights_at_));
  const Work work{x, bias, y, add, workspace};
  for_each_slot(slots_, [&](int64_t slot) { run_slot(slot, work); });
}

// Each block of depth, each panel of rows: [depth][rows].
template <class T>
void Gather<T>::pack_weights(const T* weights, T* packed) const {
  const int64_t items = shape_.groups * row_panels_;
  parallel_for(items, grain_for(shape_.rows * depth() / row_panels_),
               [&](int64_t begin, int64_t end) {
                 for (int64_t item = begin; item < end; ++item) {
                   const int64_t group = item / row_panels_;
                   const int64_t first = first_row(item % row_panels_);
                   const int64_t rows = first_row(item % row_panels_ + 1) - first;
                   const T* from = weights + group * shape_.group_pitch + first * shape_.row_pitch;
                   for (const Block& block : blocks_) {
                     T* to = packed + group * shape_.rows * depth() + block.begin * shape_.rows +
                             first * block.length;
                     for (int64_t l = block.begin; l < block.begin + block.length; ++l) {
                       const T* column = from + depth_at_[static_cast<size_t>(l)];
                       for (int64_t r = 0; r < rows; ++r)
                         *to++ = column[r * shape_.row_pitch];
                     }
                   }
                 }
               });
}

// A slot's part of all panels of all chunks and groups.
template <class T>
void Gather<T>::run_slot(int64_t slot, const Work& work) const {
  const int64_t per_part = static_cast<int64_t>(panels_.panels.size());
  const int64_t chunks = shape_.images / chunk_images_;
  const Range range = part_of(chunks * shape_.groups * per_part, slot, slots_);
  char* own = work.workspace + own_at_ + slot * own_bytes_;
  const int64_t image_size = shape_.channels * plane_.count();
  T* stored = piece<T>(own, image_at_);
  if (!plane_.is_plain() && range.begin < range.end) {
    std::memset(stored, 0,
                static_cast<size_t>(chunk_images_ * image_size + tile_.columns) * sizeof(T));
  }
  for (int64_t at = range.begin; at < range.end;) {
    const int64_t part = at / per_part;
    const int64_t end = std::min(range.end, (part + 1) * per_part);
    const int64_t group = part % shape_.groups;
    const int64_t first_image = part / shape_.groups * chunk_images_;
    const int64_t plain_size = shape_.channels * shape_.window.in_count();
    const int64_t begin_of_x = (first_image * shape_.groups + group) * plain_size;
    const T* image = work.x + begin_of_x;
    int64_t reachable = (shape_.images * shape_.groups) * plain_size - begin_of_x;
    if (!plane_.is_plain()) {
      for (int64_t i = 0; i < chunk_images_; ++i) {
        plane_.copy_in(shape_.channels, image + i * shape_.groups * plain_size,
                       stored + i * image_size);
      }
      image = stored;
      reachable = chunk_images_ * image_size + tile_.columns;
    }
    const Panel* panels = panels_.panels.data();
    run_panels(work, image, reachable, first_image, group, panels + at % per_part,
               panels + (end - part * per_part), own);
    at = end;
  }
}

template <class T>
void Gather<T>::run_panels(const Work& work, const T* image, int64_t reachable, int64_t first_image,
                           int64_t group, const Panel* begin, const Panel* end, char* own) const {
  for (const Block& block : blocks_) {
    for (const Panel* panel = begin; panel != end; ++panel) {
      run_panel(work, image, reachable, first_image, group, *panel, block, own);
    }
  }
}

template <class T>
void Gather<T>::run_panel(const Work& work, const T* image, int64_t reachable, int64_t first_image,
                          int64_t group, const Panel& panel, const Block& block, char* own) const {
  const Segment* segments = panels_.segments.data() + panel.first_segment;
  const int32_t* offsets = offsets_.data() + block.begin;
  const T* b0;
  const T* b1;
  const bool in_place = panel.vectors && row_panels_ <= kMostUnpackedRowPanels;
  if (in_place) {
    b0 = image + segments[0].base;
    b1 = panel.n_segments == 1 ? b0 + tile_.lanes : image + segments[1].base;
  } else {
    T* packed = piece<T>(own, panel_at_);
    const bool overrun = panel.reach + farthest_offset_ <= reachable;
    tile_.pack(block.length, image, offsets, segments, panel.n_segments, plane_.step(), overrun,
               packed);
    offsets = panel_offsets_.data();
    b0 = packed;
    b1 = packed + tile_.lanes;
  }
  const T* weights = piece<T>(work.workspace, weights_at_) + group * shape_.rows * depth() +
                     block.begin * shape_.rows;
  const bool first_block = block.begin == 0;
  const bool add = work.add || !first_block;
  const int64_t pixels = shape_.window.out_count();
  for (int64_t i = 0; i < row_panels_; ++i) {
    const int64_t row = first_row(i), rows = first_row(i + 1) - row;
    const int64_t channel = group * shape_.rows + row;
    const T* a = weights + row * block.length;
    const T* start = first_block && work.bias != nullptr ? work.bias + channel : nullptr;
    if (panel.one_image) {
      T* c = work.y +
             ((first_image + panel.image) * shape_.groups * shape_.rows + channel) * pixels +
             panel.pixel;
      tile_.multiply(rows, block.length, a, offsets, b0, b1, c, pixels, start, add);
    } else {
      T* tile = piece<T>(own, tile_at_);
      tile_.multiply(rows, block.length, a, offsets, b0, b1, tile, tile_.columns, start, false);
      write_tile(work, tile, add, first_image, channel, rows, panel);
    }
  }
}

// A tile whose columns belong to several images, or aren't all there.
template <class T>
void Gather<T>::write_tile(const Work& work, const T* tile, bool add, int64_t first_image,
                           int64_t channel, int64_t rows, const Panel& panel) const {
  const int64_t pixels = shape_.window.out_count();
  for (int64_t r = 0; r < rows; ++r, tile += tile_.columns) {
    int64_t image = first_image + panel.image;
    int64_t pixel = panel.pixel;
    for (int32_t column = 0; column < panel.columns;) {
      T* c = work.y + (image * shape_.groups * shape_.rows + channel + r) * pixels + pixel;
      const int32_t length =
          static_cast<int32_t>(std::min<int64_t>(panel.columns - column, pixels - pixel));
      for (int32_t i = 0; i < length; ++i)
        c[i] = add ? c[i] + tile[column + i] : tile[column + i];
      column += length;
      pixel = 0;
      ++image;
    }
  }
}

template class Gather<float>;
template class Gather<double>;

}  // namespace dlrun::cpu
