// tensor.hpp: shapes, and the handles of tensors that the host owns.
#pragma once

#include <dlrun/error.hpp>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>

namespace dlrun {

// The extents of a tensor, outermost first; rank 0 is a scalar with one element.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) {
    for (const int64_t dim : dims)
      push_back(dim);
  }
  explicit Shape(const dlr_tensor_desc& desc) : rank_(static_cast<int>(desc.rank)) {
    std::copy(desc.dim, desc.dim + rank_, dim_);
  }

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return dim_[axis]; }
  int64_t& operator[](int axis) { return dim_[axis]; }
  void push_back(int64_t dim) {
    if (rank_ == DLR_MAX_RANK) throw Error("a tensor has at most 8 dimensions");
    dim_[rank_++] = dim;
  }

  int64_t count() const { return count(0, rank_); }
  // The product of the extents of axes [begin, end).
  int64_t count(int begin, int end) const {
    int64_t product = 1;
    for (int axis = begin; axis < end; ++axis)
      product *= dim_[axis];
    return product;
  }
  // A negative axis counts from the last; out of range is an error.
  int axis(int64_t index) const {
    const int64_t axis = index < 0 ? index + rank_ : index;
    if (axis < 0 || axis >= rank_) {
      throw Error("axis " + std::to_string(index) + " is out of range for shape " + text());
    }
    return static_cast<int>(axis);
  }
  bool operator==(const Shape& other) const {
    return rank_ == other.rank_ && std::equal(dim_, dim_ + rank_, other.dim_);
  }
  bool operator!=(const Shape& other) const { return !(*this == other); }

  // "2x3x5"
  std::string text() const {
    std::string text;
    for (int axis = 0; axis < rank_; ++axis) {
      if (axis > 0) text += 'x';
      text += std::to_string(dim_[axis]);
    }
    return rank_ == 0 ? "scalar" : text;
  }

  dlr_tensor_desc desc(uint32_t dtype, uint64_t layout = DLR_LAYOUT_PLAIN) const {
    dlr_tensor_desc desc{};
    desc.size = sizeof desc;
    desc.dtype = dtype;
    desc.rank = static_cast<uint32_t>(rank_);
    std::copy(dim_, dim_ + rank_, desc.dim);
    desc.layout = layout;
    return desc;
  }

 private:
  int rank_ = 0;
  int64_t dim_[DLR_MAX_RANK] = {};
};

inline uint64_t bytes_of(uint32_t dtype) {
  return (dtype & 0xFFu) / 8;
}

// A tensor of the running net, or none (a gradient that nobody wants).
class Tensor {
 public:
  explicit Tensor(dlr_tensor* handle) : handle_(handle) {}
  explicit operator bool() const { return handle_ != nullptr; }
  dlr_tensor* handle() const { return handle_; }
  Shape shape() const { return Shape(*host().context->describe(handle_)); }
  int64_t count() const { return shape().count(); }

 private:
  dlr_tensor* handle_;
};

// An argument of a launch or an operator: a tensor and how it is used, or a number.
struct Argument : dlr_arg {
  Argument(double value) : dlr_arg{nullptr, value, 0, DLR_SCALAR, 0} {}
  Argument(float value) : Argument(static_cast<double>(value)) {}
  Argument(int value) : Argument(static_cast<int64_t>(value)) {}
  Argument(uint32_t value) : Argument(static_cast<int64_t>(value)) {}
  Argument(int64_t value) : dlr_arg{nullptr, static_cast<double>(value), value, DLR_SCALAR, 0} {}
  Argument(uint64_t value) : Argument(static_cast<int64_t>(value)) {}
  Argument(Tensor tensor, uint32_t access, int64_t offset) : dlr_arg{tensor.handle(), 0, offset, access, 0} {}
};

// `offset` counts elements.
inline Argument read(Tensor tensor, int64_t offset = 0) {
  return {tensor, DLR_READ, offset};
}
inline Argument write(Tensor tensor, int64_t offset = 0) {
  return {tensor, DLR_WRITE, offset};
}
inline Argument accumulate(Tensor tensor, int64_t offset = 0) {
  return {tensor, DLR_ACCUMULATE, offset};
}
inline Argument read_write(Tensor tensor, int64_t offset = 0) {
  return {tensor, DLR_READ_WRITE, offset};
}
// For one of several launches that write a tensor together, part by part: the first one begins it.
inline Argument write_part(Tensor tensor, bool first, int64_t offset = 0) {
  return {tensor, first ? DLR_WRITE : DLR_READ_WRITE, offset};
}
inline Argument none() {
  return {Tensor(nullptr), DLR_READ, 0};
}

}  // namespace dlrun
