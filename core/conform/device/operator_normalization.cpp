// Formulas of normalisation: across channels, along an axis, over a batch.
#include <cmath>
#include <functional>

#include "core/conform/device/operator_formulas.hpp"

namespace dlrun::conform::formula {
namespace {

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

// Elements of each channel.
std::vector<std::vector<std::size_t>> by_channel(const Shape& shape) {
  std::vector<std::vector<std::size_t>> elements(index(shape[1]));
  const std::size_t inner = index(shape.count(2, shape.rank()));
  for (std::size_t i = 0; i < index(shape.count()); ++i)
    elements[i / inner % elements.size()].push_back(i);
  return elements;
}

}  // namespace

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

}  // namespace dlrun::conform::formula
