// scatter.hpp: a convolution's backward pass by data at any stride: tiles of the unfolded gradient
// are computed in registers and added to the image's gradient at once.
#pragma once

#include "device_state.hpp"
#include "plan.hpp"
#include "window.hpp"

namespace dlrun::cpu {

// dx[n, g, channel, position(p) + tap] += sum over row of w[g, row, channel, tap] * dy[n, g, row,
// p]; and a bias for each channel of all groups
struct ScatterShape {
  int64_t images;
  int64_t groups;
  int64_t channels;  // of x, per group
  int64_t rows;      // channels of y, per group
  Window window;
};

template <class T>
class Scatter {
 public:
  Scatter(const Device& device, const ScatterShape& shape, WorkspaceLayout& workspace);

  // `bias` (of all groups' channels) may be null. With `add`, dx is added into.
  void run(const T* dy, const T* weights, const T* bias, T* dx, bool add, char* workspace) const;

 private:
  int64_t unfolded() const { return static_cast<int64_t>(offsets_.size()); }
  int64_t first_row(int64_t row_panel) const { return unfolded() * row_panel / row_panels_; }
  void pack_weights(const T* weights, T* packed) const;
  // What the image holds before tiles are added; `bias` is the group's.
  void start_image(const T* bias, bool keep, T* image) const;
  // `weights` and `bias` are the group's; `reachable`: elements from dy on that may be read.
  void run_image(const T* dy, const T* weights, const T* bias, int64_t reachable, T* dx, bool add,
                 char* own) const;
  void add_tiles(const T* dy, const T* weights, int64_t reachable, T* image, char* own) const;

  const TileFunctions<T>& tile_;
  ScatterShape shape_;
  PaddedPlane plane_;
  int64_t slots_;
  int64_t row_panels_;              // of (tap, channel)
  std::vector<int32_t> offsets_;    // of (tap, channel), in the image
  std::vector<int64_t> weight_at_;  // of (tap, channel), in a row of the weights
  std::vector<int32_t> rows_at_;    // of dy's channels
  std::vector<int32_t> panel_offsets_;
  Panels gradient_;  // where panels of pixels lie in dy
  Panels image_;     // and in dx
  int64_t weights_at_;
  int64_t own_at_;
  int64_t own_bytes_;
  int64_t panel_at_;
  int64_t tile_at_;
  int64_t image_at_;
};

}  // namespace dlrun::cpu
