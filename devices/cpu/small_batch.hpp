// small_batch.hpp: inner products of few images with many weights, which are read once: w [K, C], x
// [N, C], y [N, K].
#pragma once

#include "device_state.hpp"
#include "isa/table.hpp"
#include "parallel.hpp"
#include "plan.hpp"

#include <vector>

namespace dlrun::cpu {

struct InnerShape {
  int64_t images;    // N
  int64_t channels;  // C
  int64_t outputs;   // K
};

// Whether these are faster than BLAS, which packs the weights first.
bool is_small_batch(const InnerShape& shape);

// y = x w^T + bias: rows of weights meet all images' values, which lie side by side.
template <class T>
class SmallBatchForward {
 public:
  SmallBatchForward(const Device& device, const InnerShape& shape, WorkspaceLayout& workspace);
  void run(const T* x, const T* w, const T* bias, T* y, char* workspace) const;

 private:
  struct ImagePanel {
    int64_t first;
    int64_t images;
    int64_t vectors;
    int64_t width;
  };
  void run_slot(const T* w, const T* transposed, T* sums, const Range& outputs) const;

  const TileFunctions<T>& tile_;
  InnerShape shape_;
  int64_t slots_;
  int64_t width_ = 0;  // of all image panels
  std::vector<ImagePanel> panels_;
  std::vector<int32_t> row_offsets_;
  std::vector<int32_t> in_order_;
  int64_t transposed_at_;
  int64_t sums_at_;
};

// dw = dy^T x: tiles of weights' gradients are written once.
template <class T>
class SmallBatchWeights {
 public:
  SmallBatchWeights(const Device& device, const InnerShape& shape, WorkspaceLayout& workspace);
  void run(const T* x, const T* dy, T* dw, bool add, char* workspace) const;

 private:
  int64_t first_output(int64_t panel) const { return shape_.outputs * panel / output_panels_; }
  void run_slot(const Range& panels, const T* packed, const T* dy, T* dw, bool add) const;

  const TileFunctions<T>& tile_;
  InnerShape shape_;
  int64_t slots_;
  int64_t output_panels_;
  int64_t channel_panels_;
  std::vector<int32_t> panel_offsets_;
  int64_t packed_at_;
};

}  // namespace dlrun::cpu
