#include "core/conform/device/operator_reference.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "core/base/error.hpp"

namespace dlrun::conform {
namespace {

using Values = std::vector<double>;
using List = std::vector<int64_t>;

// A step with its arguments at hand.
struct Call {
  const OperatorStep& step;
  const OperatorCase& operator_case;
  std::vector<Values>& values;

  bool has(std::size_t arg) const { return step.args.at(arg) >= 0; }
  const Shape& shape(std::size_t arg) const {
    return operator_case.tensors[static_cast<std::size_t>(step.args.at(arg))];
  }
  Values& at(std::size_t arg) const { return values[static_cast<std::size_t>(step.args.at(arg))]; }
  Values& cleared(std::size_t arg) const {
    std::fill(at(arg).begin(), at(arg).end(), 0.0);
    return at(arg);
  }
};

std::size_t index(int64_t i) {
  return static_cast<std::size_t>(i);
}

void gemm(const Call& call) {
  const int64_t m = call.step.integer("m", 0), n = call.step.integer("n", 0),
                k = call.step.integer("k", 0);
  const bool ta = call.step.integer("transpose_a", 0) != 0;
  const bool tb = call.step.integer("transpose_b", 0) != 0;
  const double beta = call.step.number("beta", 0);
  Values& c = call.at(2);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t p = 0; p < k; ++p)
        sum += call.at(0)[index(ta ? p * m + i : i * k + p)] *
               call.at(1)[index(tb ? j * k + p : p * n + j)];
      double& out = c[index(i * n + j)];
      out = call.step.number("alpha", 1) * sum + (beta == 0 ? 0 : beta * out);
    }
  }
}

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
  if (call.step.op.starts_with("convolution")) return for_each_product(call, x, w, y, visit);
  const bool transpose = call.step.integer("transpose", 0) != 0;
  for (int64_t n = 0; n < x[0]; ++n) {
    for (int64_t k = 0; k < y[1]; ++k) {
      for (int64_t c = 0; c < x[1]; ++c)
        visit(index(n * x[1] + c), index(transpose ? c * y[1] + k : k * x[1] + c),
              index(n * y[1] + k));
    }
  }
}

void forward(const Call& call) {
  Values& y = call.cleared(3);
  const Shape& shape = call.shape(3);
  const int64_t inner = shape.count(2, shape.rank());
  if (call.has(2)) {
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] = call.at(2)[i / index(inner) % index(shape[1])];
  }
  products_of(
      call, call.shape(0), call.shape(1), shape,
      [&](std::size_t x, std::size_t w, std::size_t o) { y[o] += call.at(0)[x] * call.at(1)[w]; });
}

void backward_data(const Call& call) {
  Values& dx = call.cleared(2);
  products_of(
      call, call.shape(2), call.shape(1), call.shape(0),
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

void lrn(const Call& call, bool is_backward) {
  const Shape& shape = call.shape(0);
  const int64_t channels = shape[1], inner = shape.count(2, shape.rank()),
                size = call.step.integer("size", 1);
  const double alpha = call.step.number("alpha", 1) / static_cast<double>(size);
  const double beta = call.step.number("beta", 0.75);
  const Values& x = call.values[0];
  const auto near = [&](int64_t n, int64_t c, int64_t s,
                        const std::function<double(std::size_t)>& term) {
    double sum = 0;
    for (int64_t other = std::max<int64_t>(0, c - size / 2);
         other < std::min(channels, c + size / 2 + 1); ++other)
      sum += term(index((n * channels + other) * inner + s));
    return sum;
  };
  Values scale(x.size());
  const auto for_all =
      [&](const std::function<void(int64_t, int64_t, int64_t, std::size_t)>& visit) {
        for (int64_t n = 0; n < shape[0]; ++n)
          for (int64_t c = 0; c < channels; ++c)
            for (int64_t s = 0; s < inner; ++s)
              visit(n, c, s, index((n * channels + c) * inner + s));
      };
  for_all([&](int64_t n, int64_t c, int64_t s, std::size_t i) {
    scale[i] = call.step.number("k", 1) +
               alpha * near(n, c, s, [&](std::size_t j) { return x[j] * x[j]; });
  });
  for_all([&](int64_t n, int64_t c, int64_t s, std::size_t i) {
    if (!is_backward) {
      call.at(1)[i] = x[i] * std::pow(scale[i], -beta);
      return;
    }
    const Values& y = call.at(1);
    const Values& dy = call.at(2);
    call.at(3)[i] = dy[i] * std::pow(scale[i], -beta) -
                    2 * alpha * beta * x[i] *
                        near(n, c, s, [&](std::size_t j) { return dy[j] * y[j] / scale[j]; });
  });
}

// Calls visit(indices along the axis) for each line of elements.
void for_each_line(const Shape& shape, int axis,
                   const std::function<void(const std::vector<std::size_t>&)>& visit) {
  const int64_t inner = shape.count(axis + 1, shape.rank());
  for (int64_t outer = 0; outer < shape.count(0, axis); ++outer) {
    for (int64_t s = 0; s < inner; ++s) {
      std::vector<std::size_t> line;
      for (int64_t c = 0; c < shape[axis]; ++c)
        line.push_back(index((outer * shape[axis] + c) * inner + s));
      visit(line);
    }
  }
}

void softmax(const Call& call, bool is_backward) {
  for_each_line(call.shape(0), static_cast<int>(call.step.integer("axis", 1)),
                [&](const auto& line) {
                  double sum = 0;
                  if (is_backward) {
                    for (const std::size_t i : line)
                      sum += call.at(0)[i] * call.at(1)[i];
                    for (const std::size_t i : line)
                      call.at(2)[i] = call.at(0)[i] * (call.at(1)[i] - sum);
                    return;
                  }
                  for (const std::size_t i : line)
                    sum += call.at(1)[i] = std::exp(call.at(0)[i]);
                  for (const std::size_t i : line)
                    call.at(1)[i] /= sum;
                });
}

// Elements of each channel.
std::vector<std::vector<std::size_t>> by_channel(const Shape& shape) {
  std::vector<std::vector<std::size_t>> elements(index(shape[1]));
  const std::size_t inner = index(shape.count(2, shape.rank()));
  for (std::size_t i = 0; i < index(shape.count()); ++i)
    elements[i / inner % elements.size()].push_back(i);
  return elements;
}

void batch_norm(const Call& call, bool is_backward) {
  const bool global = call.step.integer("global", 0) != 0;
  const Values& x = call.at(0);
  const auto channels = by_channel(call.shape(0));
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const auto& elements = channels[c];
    const auto n = static_cast<double>(elements.size());
    double& mean = call.at(1)[c];
    double& variance = call.at(2)[c];
    if (!global && !is_backward) {
      mean = variance = 0;
      for (const std::size_t i : elements)
        mean += x[i] / n;
      for (const std::size_t i : elements)
        variance += (x[i] - mean) * (x[i] - mean) / n;
    }
    const double inverse = 1 / std::sqrt(variance + call.step.number("epsilon", 1e-5));
    double sum = 0, dot = 0;
    for (const std::size_t i : elements) {
      if (!is_backward) {
        call.at(3)[i] = (x[i] - mean) * inverse;
        continue;
      }
      sum += call.at(3)[i] / n;
      dot += call.at(3)[i] * (x[i] - mean) * inverse / n;
    }
    for (const std::size_t i : elements) {
      if (!is_backward) continue;
      const double through = global ? 0 : sum + (x[i] - mean) * inverse * dot;
      call.at(4)[i] = inverse * (call.at(3)[i] - through);
    }
  }
}

void elementwise(const Call& call, const std::function<double(double)>& f) {
  std::transform(call.at(0).begin(), call.at(0).end(), call.at(1).begin(), f);
}

void sum(const Call& call) {
  const std::size_t n = call.step.args.size() - 1;
  Values& y = call.cleared(n);
  for (std::size_t input = 0; input < n; ++input) {
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] += call.at(input)[i];
  }
}

void concat(const Call& call) {
  const std::size_t n = call.step.args.size() - 1;
  const int axis = static_cast<int>(call.step.integer("axis", 0));
  Values joined;
  for (int64_t outer = 0; outer < call.shape(0).count(0, axis); ++outer) {
    for (std::size_t input = 0; input < n; ++input) {
      const auto length =
          static_cast<std::ptrdiff_t>(call.shape(input).count(axis, call.shape(input).rank()));
      const auto begin = call.at(input).begin() + outer * length;
      joined.insert(joined.end(), begin, begin + length);
    }
  }
  call.at(n) = joined;
}

}  // namespace

void compute_reference(const OperatorCase& operator_case, const OperatorStep& step,
                       std::vector<Values>& values) {
  const Call call{step, operator_case, values};
  const std::string& op = step.op;
  const bool is_backward = op.ends_with("_backward");
  if (op == "gemm") return gemm(call);
  if (op == "sum") return sum(call);
  if (op == "concat") return concat(call);
  if (op.starts_with("pooling_")) return pooling(call, op.starts_with("pooling_max"), is_backward);
  if (op.starts_with("lrn_")) return lrn(call, is_backward);
  if (op.starts_with("softmax_")) return softmax(call, is_backward);
  if (op.starts_with("batch_norm_")) return batch_norm(call, is_backward);
  if (op.ends_with("_backward_data")) return backward_data(call);
  if (op.ends_with("_backward_weights")) return backward_weights(call);
  if (op == "convolution_forward" || op == "inner_product_forward") return forward(call);
  if (op == "sigmoid_forward")
    return elementwise(call, [](double x) { return 1 / (1 + std::exp(-x)); });
  if (op == "tanh_forward") return elementwise(call, [](double x) { return std::tanh(x); });
  if (op == "relu_forward") {
    const double slope = step.number("slope", 0);
    return elementwise(call, [slope](double x) { return x > 0 ? x : slope * x; });
  }
  base::fail_work("no formula for the operator " + op);
}

}  // namespace dlrun::conform
