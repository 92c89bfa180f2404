// The extents of a tensor, outermost first.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include <dlrun/abi.h>

namespace dlrun::conform {

class Shape {
 public:
  Shape(std::initializer_list<int64_t> dims) : dims_(dims) {}
  explicit Shape(std::vector<int64_t> dims) : dims_(std::move(dims)) {}
  explicit Shape(const dlr_tensor_desc& desc) : dims_(desc.dim, desc.dim + desc.rank) {}

  bool operator==(const Shape& other) const = default;
  int rank() const { return static_cast<int>(dims_.size()); }
  int64_t operator[](int axis) const { return dims_[static_cast<std::size_t>(axis)]; }
  int64_t count() const { return count(0, rank()); }
  // The product of the extents of axes [begin, end).
  int64_t count(int begin, int end) const {
    int64_t product = 1;
    for (int axis = begin; axis < end; ++axis)
      product *= (*this)[axis];
    return product;
  }
  std::string text() const { return fmt::format("{}", fmt::join(dims_, "x")); }

  dlr_tensor_desc desc(uint32_t dtype, uint64_t layout) const {
    dlr_tensor_desc desc{};
    desc.size = sizeof desc;
    desc.dtype = dtype;
    desc.rank = static_cast<uint32_t>(rank());
    for (int axis = 0; axis < rank(); ++axis)
      desc.dim[axis] = (*this)[axis];
    desc.layout = layout;
    return desc;
  }

 private:
  std::vector<int64_t> dims_;
};

}  // namespace dlrun::conform
