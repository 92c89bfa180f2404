// window.hpp: the geometry of windows that slide over images of any number of axes.
#pragma once

#include "isa/table.hpp"

#include <dlrun/device.hpp>

#include <vector>

namespace dlrun::cpu {

using Extents = std::vector<int64_t>;  // one for each spatial axis

int64_t product(const Extents& extents);

// A window of `kernel` taps, `dilation` apart, that moves by `stride` over an image with `pad`
// zeros on each side.
struct Window {
  Extents in;   // of the image
  Extents out;  // positions of the window
  Extents kernel;
  Extents stride;
  Extents pad;
  Extents dilation;

  int64_t axes() const { return static_cast<int64_t>(in.size()); }
  int64_t taps() const { return product(kernel); }
  int64_t in_count() const { return product(in); }
  int64_t out_count() const { return product(out); }
  bool is_padded() const;
};

// Reads kernel, stride, pad and dilation; `in` and `out` are the shapes [N, C, s...] of image and
// windows.
Window read_window(const OpView& op, const Shape& in, const Shape& out);

// Places in an image that is stored with its padding: what a window sees of it is then never
// outside. When `split`, each row is stored as its columns 0, s, 2s ..., then 1, s + 1 ..., where s
// is the stride along it: what one tap sees in neighbouring windows then lies side by side.
class PaddedPlane {
 public:
  PaddedPlane(const Window& window, bool split);

  // Whether a stored plane is the image itself.
  bool is_plain() const { return plain_; }
  int64_t count() const { return count_; }
  // Of the window's position (row-major index), from the beginning of a channel; neighbours are
  // `step` apart.
  const std::vector<int32_t>& positions() const { return positions_; }
  int64_t step() const { return step_; }
  // Of the window's taps, from its position.
  const std::vector<int32_t>& taps() const { return taps_; }

  // Copies the inner part of `channels` planes: from the image as it is to the stored one, and
  // back.
  template <class T>
  void copy_in(int64_t channels, const T* image, T* stored) const;
  template <class T>
  void copy_out(int64_t channels, const T* stored, T* image, bool add) const;

 private:
  // Column i of the image's rows is at first + i of stored rows, or, of those that are split, in
  // part i % n_parts.
  struct Part {
    int64_t column;  // the first one in the image
    int64_t at;      // where it is stored
  };

  bool plain_;
  int64_t step_;
  int64_t count_ = 1;        // elements of a stored plane
  int64_t row_length_ = 1;   // of the image
  std::vector<Part> parts_;  // of a row
  std::vector<int32_t>
      rows_;  // where each row of the image begins, without its padding at the left
  std::vector<int32_t> positions_;
  std::vector<int32_t> taps_;
};

// The pixels of all window positions of some images in a row, cut into panels of `columns`.
struct Panel {
  int32_t first_segment;
  int32_t n_segments;
  int32_t columns;  // fewer in the last one
  int32_t image;    // of the first pixel
  int32_t pixel;    // of the first, within its image
  bool one_image;   // all columns are there and belong to one image
  bool vectors;     // each of the two vectors lies as a whole in memory
  int64_t
      reach;  // elements from position 0 on that packing with overrun may touch, without offsets
};

struct Panels {
  std::vector<Segment> segments;
  std::vector<Panel> panels;
};

// `positions` are those of one image, `image_pitch` elements lie between images. Runs of pixels
// `step` apart become segments.
Panels make_panels(int64_t images, const std::vector<int32_t>& positions, int64_t image_pitch,
                   int64_t step, int64_t columns);

}  // namespace dlrun::cpu
