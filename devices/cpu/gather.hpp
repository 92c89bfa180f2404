// gather.hpp: convolution as a matrix product whose right side is gathered from the image panel by
// panel, so that no unfolded image is ever written. Forward convolutions, and backward ones by data
// at stride 1, are this.
#pragma once

#include "device_state.hpp"
#include "plan.hpp"
#include "window.hpp"

namespace dlrun::cpu {

// y[n, g, row, p] = sum over channel and tap of weight(g, row, channel, tap) * x[n, g, channel,
// position(p) + tap]
struct GatherShape {
  int64_t images;
  int64_t groups;
  int64_t channels;  // of x, per group
  int64_t rows;      // channels of y, per group
  Window window;
  // Where the weights lie: of group 0, weight(row, channel, tap) is at row * row_pitch + channel *
  // channel_pitch + tap, counting taps from the last one when `flipped`.
  int64_t group_pitch;
  int64_t row_pitch;
  int64_t channel_pitch;
  bool flipped;
};

template <class T>
class Gather {
 public:
  Gather(const Device& device, const GatherShape& shape, WorkspaceLayout& workspace);

  // `bias` (of all groups' rows) may be null. With `add`, y is added into.
  void run(const T* x, const T* weights, const T* bias, T* y, bool add, char* workspace) const;

 private:
  struct Block {  // of the depth: channels and taps
    int64_t begin;
    int64_t length;
  };
  struct Work {
    const T* x;
    const T* bias;
    T* y;
    bool add;
    char* workspace;
  };

  int64_t depth() const { return static_cast<int64_t>(offsets_.size()); }
  int64_t images_per_chunk() const;
  int64_t first_row(int64_t row_panel) const { return shape_.rows * row_panel / row_panels_; }
  void pack_weights(const T* weights, T* packed) const;
  void run_slot(int64_t slot, const Work& work) const;
  void run_panels(const Work& work, const T* image, int64_t reachable, int64_t first_image,
                  int64_t group, Panel const* begin, Panel const* end, char* own) const;
  void run_panel(const Work& work, const T* image, int64_t reachable, int64_t first_image,
                 int64_t group, const Panel& panel, const Block& block, char* own) const;
  void write_tile(const Work& work, const T* tile, bool add, int64_t first_image, int64_t channel,
                  int64_t rows, const Panel& panel) const;

  const TileFunctions<T>& tile_;
  GatherShape shape_;
  PaddedPlane plane_;
  int64_t slots_;
  int64_t chunk_images_;  // images whose pixels are cut into panels together
  int64_t row_panels_;
  int32_t farthest_offset_;
  std::vector<int32_t> offsets_;        // of (channel, tap), in the image
  std::vector<int32_t> panel_offsets_;  // of a packed panel's rows
  std::vector<int64_t> depth_at_;       // of (channel, tap), in the weights
  std::vector<Block> blocks_;
  Panels panels_;
  int64_t weights_at_;  // in the workspace
  int64_t own_at_;      // the slots' own workspaces
  int64_t own_bytes_;
  int64_t panel_at_;  // within a slot's own
  int64_t tile_at_;
  int64_t image_at_;
};

}  // namespace dlrun::cpu
