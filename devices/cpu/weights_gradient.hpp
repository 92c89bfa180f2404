// weights_gradient.hpp: a convolution's backward pass by weights: sums over the pixels of all
// images. The image is read where it lies; only the gradient is transposed, once for each image.
#pragma once

#include "device_state.hpp"
#include "parallel.hpp"
#include "plan.hpp"
#include "window.hpp"

namespace dlrun::cpu {

// dw[g, row, channel, tap] = sum over n and p of dy[n, g, row, p] * x[n, g, channel, position(p) +
// tap]
struct WeightsGradientShape {
  int64_t images;
  int64_t groups;
  int64_t channels;  // of x, per group
  int64_t rows;      // channels of y, per group
  Window window;
};

template <class T>
class WeightsGradient {
 public:
  WeightsGradient(const Device& device, const WeightsGradientShape& shape,
                  WorkspaceLayout& workspace);

  // dw or dbias may be null.
  void run(const T* x, const T* dy, T* dw, T* dbias, bool add, char* workspace) const;

 private:
  // Some channels of y, side by side in a tile.
  struct RowPanel {
    int64_t first;
    int64_t rows;
    int64_t vectors;
    int64_t width;  // in elements
    int64_t at;     // first, counting the unused columns of those before
  };

  int64_t unfolded() const { return static_cast<int64_t>(offsets_.size()); }
  void run_slot(int64_t slot, const T* x, const T* dy, bool with_bias, char* workspace) const;
  void add_image(const T* image, const Range& part, T* sums, const T* transposed) const;
  void add_bias(const T* dy, T* sums) const;
  void reduce(T* dw, T* dbias, bool add, char* workspace) const;

  const TileFunctions<T>& tile_;
  WeightsGradientShape shape_;
  PaddedPlane plane_;
  bool padded_;
  int64_t image_slots_;     // parts of the images, each with sums of its own
  int64_t unfolded_slots_;  // parts of (channel, tap), for small batches
  int64_t chunk_images_;
  std::vector<int32_t> offsets_;    // of (channel, tap), in the image
  std::vector<int32_t> positions_;  // of the pixels of a chunk
  std::vector<RowPanel> row_panels_;
  int64_t padded_rows_;  // elements of all row panels
  int64_t sums_at_;      // [image slot][group][channel, tap][padded rows]
  int64_t bias_at_;      // [image slot][group][rows]
  int64_t own_at_;
  int64_t own_bytes_;
  int64_t transposed_at_;
  int64_t image_at_;
};

}  // namespace dlrun::cpu
