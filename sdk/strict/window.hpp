// A window that slides over up to three spatial axes; fewer are filled up with ones in front.
#pragma once

#include "plan.hpp"

#include <array>

namespace dlrun::strict {

using Extents = std::array<int64_t, 3>;

struct Window {
  Extents in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, pad{0, 0, 0}, dilation{1, 1, 1};

  Window(const OpView& op, const Shape& x, const Shape& y) {
    const int axes = x.rank() - 2;
    if (axes < 1 || axes > 3 || y.rank() != x.rank()) throw Declined("strict slides windows along 1 to 3 axes");
    for (int axis = 0; axis < axes; ++axis) {
      const auto to = static_cast<size_t>(3 - axes + axis);
      in[to] = x[2 + axis];
      out[to] = y[2 + axis];
      kernel[to] = of(op, "kernel", axis, 1);
      stride[to] = of(op, "stride", axis, 1);
      pad[to] = of(op, "pad", axis, 0);
      dilation[to] = of(op, "dilation", axis, 1);
    }
  }

  static int64_t count(const Extents& e) { return e[0] * e[1] * e[2]; }

  // Calls visit(element of the kernel, position in the input) for what of the kernel lies inside.
  template <class Visit>
  void over(int64_t position, Visit&& visit) const {
    const Extents at = split(position, out);
    for (int64_t element = 0; element < count(kernel); ++element) {
      const Extents e = split(element, kernel);
      Extents p{};
      bool inside = true;
      for (size_t axis = 0; axis < 3; ++axis) {
        p[axis] = at[axis] * stride[axis] - pad[axis] + e[axis] * dilation[axis];
        inside = inside && p[axis] >= 0 && p[axis] < in[axis];
      }
      if (inside) visit(element, (p[0] * in[1] + p[1]) * in[2] + p[2]);
    }
  }

  // Elements of the window at a position, clipped to the padded input.
  int64_t clipped(int64_t position) const {
    const Extents at = split(position, out);
    int64_t size = 1;
    for (size_t axis = 0; axis < 3; ++axis) {
      const int64_t begin = at[axis] * stride[axis] - pad[axis];
      size *= std::min(begin + kernel[axis], in[axis] + pad[axis]) - begin;
    }
    return size;
  }

 private:
  static int64_t of(const OpView& op, std::string_view name, int axis, int64_t otherwise) {
    const std::vector<int64_t> list = op.integers(name);
    return static_cast<size_t>(axis) < list.size() ? list[static_cast<size_t>(axis)] : otherwise;
  }
  static Extents split(int64_t index, const Extents& of) {
    return {index / (of[1] * of[2]), index / of[2] % of[1], index % of[2]};
  }
};

}  // namespace dlrun::strict
