// Private layouts: one axis is cut into blocks of 3, which come last; the last block is filled up with
// zeros. So [N, C, H, W] in blocks of channels is [N, C/3, H, W, 3].
#pragma once

#include <dlrun/device.hpp>

#include <algorithm>

namespace dlrun::strict {

constexpr int64_t kBlock = 3;
constexpr uint64_t kBlockedAxis = 0x5713000;  // + the axis

// A tensor as three extents around the blocked axis: [outer, blocked, inner].
struct Blocked {
  int64_t outer;
  int64_t blocked;
  int64_t inner;

  Blocked(const Shape& shape, int axis)
      : outer(shape.count(0, axis)), blocked(shape[axis]), inner(shape.count(axis + 1, shape.rank())) {}

  int64_t blocks() const { return (blocked + kBlock - 1) / kBlock; }
  // Elements with the padding.
  int64_t padded() const { return outer * blocks() * inner * kBlock; }
  int64_t at(int64_t o, int64_t b, int64_t i) const {
    return ((o * blocks() + b / kBlock) * inner + i) * kBlock + b % kBlock;
  }
};

inline bool is_blocked(uint64_t layout) {
  return layout >= kBlockedAxis && layout < kBlockedAxis + DLR_MAX_RANK;
}

inline Blocked blocked_of(const dlr_tensor_desc& desc) {
  const auto axis = static_cast<int>(desc.layout - kBlockedAxis);
  if (!is_blocked(desc.layout) || axis >= static_cast<int>(desc.rank))
    throw Error("strict: not a layout of this device", DLR_INTERNAL_ERROR);
  return Blocked(Shape(desc), axis);
}

inline void zero_padding(const Blocked& shape, float* values) {
  for (int64_t o = 0; o < shape.outer; ++o) {
    for (int64_t b = shape.blocked; b < shape.blocks() * kBlock; ++b) {
      for (int64_t i = 0; i < shape.inner; ++i)
        values[shape.at(o, b, i)] = 0;
    }
  }
}

// Between plain order and blocks. A null shape (plain on both sides) is a copy.
inline void pack(const Blocked& shape, const float* plain, float* blocked) {
  for (int64_t o = 0; o < shape.outer; ++o) {
    for (int64_t b = 0; b < shape.blocked; ++b) {
      for (int64_t i = 0; i < shape.inner; ++i)
        blocked[shape.at(o, b, i)] = plain[(o * shape.blocked + b) * shape.inner + i];
    }
  }
  zero_padding(shape, blocked);
}

inline void unpack(const Blocked& shape, const float* blocked, float* plain) {
  for (int64_t o = 0; o < shape.outer; ++o) {
    for (int64_t b = 0; b < shape.blocked; ++b) {
      for (int64_t i = 0; i < shape.inner; ++i)
        plain[(o * shape.blocked + b) * shape.inner + i] = blocked[shape.at(o, b, i)];
    }
  }
}

// An operand of an operator: chosen to be blocked along an axis, used in plain order.
class Operand {
 public:
  // Writes the choice into the description. Absent operands have no elements.
  Operand(const OpView& op, int index, int axis, bool may_block) : desc_(op.arg(index)) {
    if (!op.has_arg(index)) return;
    if (desc_.dtype != DLR_F32) throw Declined("strict computes operators in float32 only");
    dlr_tensor_desc& asked = op.arg(index);
    if (asked.layout == DLR_LAYOUT_ANY)
      asked.layout = may_block ? kBlockedAxis + static_cast<uint64_t>(axis) : DLR_LAYOUT_PLAIN;
    if (asked.layout != DLR_LAYOUT_PLAIN && !is_blocked(asked.layout))
      throw Declined("strict knows blocks of 3 along an axis and the plain layout only");
    desc_ = asked;
    count_ = Shape(desc_).count();
  }

  int64_t count() const { return count_; }
  void load(const float* memory, float* plain) const {
    if (desc_.layout == DLR_LAYOUT_PLAIN) {
      std::copy_n(memory, count_, plain);
    } else {
      unpack(blocked_of(desc_), memory, plain);
    }
  }
  void store(const float* plain, float* memory) const {
    if (desc_.layout == DLR_LAYOUT_PLAIN) {
      std::copy_n(plain, count_, memory);
    } else {
      pack(blocked_of(desc_), plain, memory);
    }
  }

 private:
  dlr_tensor_desc desc_;
  int64_t count_ = 0;
};

}  // namespace dlrun::strict
