// Formulas of products and of what windows cover.
#include <functional>
#include <limits>

#include "core/conform/device/operator_formulas.hpp"

namespace dlrun::conform::formula {
namespace {

// Counts through all indices below `extents`.
void for_each_index(const List& extents, const std::function<void(const List&)>& visit) {
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) return;
  List at(extents.size(), 0);
  for (;;) {
    visit(at);
    std::size_t axis = extents.size();
    while (axis > 0 && ++at[axis - 1] == extents[axis - 1])
      at[--axis] = 0;
    if (axis == 0) return;
  }
}

List spatial(const Shape& shape) {
  List extents;
  for (int axis = 2; axis < shape.rank(); ++axis)
    extents.push_back(shape[axis]);
  return extents;
}

int64_t flat(const List& at, const List& extents) {
  int64_t flat = 0;
  for (std::size_t i = 0; i < at.size(); ++i)
    flat = flat * extents[i] + at[i];
  return flat;
}

// Calls visit(x, y, kernel position) for each pair of spatial positions that a window joins.
void for_each_tap(const Call& call, const Shape& x, const Shape& y,
                  const std::function<void(int64_t, int64_t, int64_t)>& visit) {
  const List& kernel = call.step.list("kernel");
  const List& stride = call.step.list("stride");
  const List& pad = call.step.list("pad");
  const List dilation = call.step.integers.count("dilation") > 0 ? call.step.list("dilation")
                                                                 : List(kernel.size(), 1);
  const List in = spatial(x), out = spatial(y);
  for_each_index(out, [&](const List& o) {
    for_each_index(kernel, [&](const List& k) {
      List i(o.size());
      for (std::size_t axis = 0; axis < o.size(); ++axis) {
        i[axis] = o[axis] * stride[axis] - pad[axis] + k[axis] * dilation[axis];
        if (i[axis] < 0 || i[axis] >= in[axis]) return;
      }
      visit(flat(i, in), flat(o, out), flat(k, kernel));
    });
  });
}

// visit(x, w, y): flat indices of each product of a convolution.
template <class Visit>
void for_each_product(const Call& call, const Shape& x, const Shape& w, const Shape& y,
                      const Visit& visit) {
  const int64_t group = call.step.integer("group", 1);
  const int64_t channels = w[1], outputs = w[0], in = x.count(2, x.rank()),
                out = y.count(2, y.rank()), window = w.count(2, w.rank());
  for_each_tap(call, x, y, [&](int64_t i, int64_t o, int64_t k) {
    for (int64_t n = 0; n < x[0]; ++n) {
      for (int64_t m = 0; m < outputs; ++m) {
        const int64_t first = m / (outputs / group) * channels;
        for (int64_t c = 0; c < channels; ++c) {
          visit(index((n * x[1] + first + c) * in + i), index((m * channels + c) * window + k),
                index((n * outputs + m) * out + o));
        }
      }
    }
  });
}

template <class Visit>
void products_of(const Call& call, const Shape& x, const Shape& w, const Shape& y,
                 const Visit& visit) {
  if (call.step.op.find("convolution") != std::string::npos)
    return for_each_product(call, x, w, y, visit);
  const bool transpose = call.step.integer("transpose", 0) != 0;
  for (int64_t n = 0; n < x[0]; ++n) {
    for (int64_t k = 0; k < y[1]; ++k) {
      for (int64_t c = 0; c < x[1]; ++c)
        visit(index(n * x[1] + c), index(transpose ? c * y[1] + k : k * x[1] + c),
              index(n * y[1] + k));
    }
  }
}

// An output [N, C, s...] that holds the bias of its channel, or 0.
Values& start_with_bias(const Call& call, std::size_t output, std::size_t bias) {
  Values& values = call.cleared(output);
  if (!call.has(bias)) return values;
  const Shape& shape = call.shape(output);
  const int64_t inner = shape.count(2, shape.rank());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = call.at(bias)[i / index(inner) % index(shape[1])];
  return values;
}

// A window's divisor: its size, clipped to the padded input.
double divisor(const Call& call, const Shape& x, List o) {
  double size = 1;
  for (std::size_t axis = 0; axis < o.size(); ++axis) {
    const int64_t pad = call.step.list("pad")[axis];
    const int64_t begin = o[axis] * call.step.list("stride")[axis] - pad;
    const int64_t end =
        std::min(begin + call.step.list("kernel")[axis], x[static_cast<int>(axis) + 2] + pad);
    size *= static_cast<double>(end - begin);
  }
  return size;
}

}  // namespace

void gemm(const Call& call) {
  const int64_t m = call.step.integer("m", 0), n = call.step.integer("n", 0),
                k = call.step.integer("k", 0);
  const bool ta = call.step.integer("transpose_a", 0) != 0;
  const bool tb = call.step.integer("transpose_b", 0) != 0;
  const double beta = call.step.number("beta", 0);
  const int64_t lda = call.shape(0)[1], ldb = call.shape(1)[1], ldc = call.shape(2)[1];
  Values& c = call.at(2);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t p = 0; p < k; ++p)
        sum += call.at(0)[index(ta ? p * lda + i : i * lda + p)] *
               call.at(1)[index(tb ? j * ldb + p : p * ldb + j)];
      double& out = c[index(i * ldc + j)];
      out = call.step.number("alpha", 1) * sum + (beta == 0 ? 0 : beta * out);
    }
  }
}

void forward(const Call& call) {
  Values& y = start_with_bias(call, 3, 2);
  const Shape& shape = call.shape(3);
  products_of(
      call, call.shape(0), call.shape(1), shape,
      [&](std::size_t x, std::size_t w, std::size_t o) { y[o] += call.at(0)[x] * call.at(1)[w]; });
}

void backward_data(const Call& call, std::size_t to, std::size_t bias) {
  Values& dx = start_with_bias(call, to, bias);
  products_of(
      call, call.shape(to), call.shape(1), call.shape(0),
      [&](std::size_t x, std::size_t w, std::size_t o) { dx[x] += call.at(1)[w] * call.at(0)[o]; });
}

void backward_weights(const Call& call) {
  Values& dw = call.cleared(2);
  const Shape& shape = call.shape(1);
  products_of(
      call, call.shape(0), call.shape(2), shape,
      [&](std::size_t x, std::size_t w, std::size_t o) { dw[w] += call.at(0)[x] * call.at(1)[o]; });
  if (!call.has(3)) return;
  Values& dbias = call.cleared(3);
  const int64_t inner = shape.count(2, shape.rank());
  for (std::size_t i = 0; i < call.at(1).size(); ++i)
    dbias[i / index(inner) % index(shape[1])] += call.at(1)[i];
}

// Argument 0 is of the forward x, of the backward dy; tensor 0 of the case is x.
void pooling(const Call& call, bool is_max, bool is_backward) {
  const Shape& x = call.operator_case.tensors[0];
  const Shape& y = call.operator_case.tensors[1];
  const Values& from = call.values[0];
  const int64_t in = x.count(2, x.rank()), out = y.count(2, y.rank());
  Values largest(index(y.count()), -std::numeric_limits<double>::infinity());
  std::vector<std::size_t> where(index(y.count()), 0);
  Values divisors;
  for_each_index(spatial(y), [&](const List& o) { divisors.push_back(divisor(call, x, o)); });
  Values& to = call.cleared(1);
  for_each_tap(call, x, y, [&](int64_t i, int64_t o, int64_t) {
    for (int64_t plane = 0; plane < x[0] * x[1]; ++plane) {
      const std::size_t at = index(plane * in + i), at_y = index(plane * out + o);
      if (is_max) {
        if (from[at] <= largest[at_y]) continue;
        largest[at_y] = from[at];
        where[at_y] = at;
      } else if (is_backward) {
        to[at] += call.at(0)[at_y] / divisors[index(o)];
      } else {
        to[at_y] += from[at] / divisors[index(o)];
      }
    }
  });
  if (!is_max) return;
  for (std::size_t i = 0; i < largest.size(); ++i) {
    if (is_backward) {
      to[where[i]] += call.at(0)[i];
    } else {
      to[i] = largest[i];
    }
  }
}

}  // namespace dlrun::conform::formula
