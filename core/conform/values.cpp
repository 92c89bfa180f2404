#include "core/conform/values.hpp"

#include <dlrun/random.h>
#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "core/conform/runner.hpp"

namespace dlrun::conform {

Values values_of(net::Net& net, const dlr_tensor& tensor) {
  const auto count = static_cast<std::size_t>(memory::element_count(tensor.desc));
  if (tensor.desc.dtype == DLR_F64) {
    Values values(count);
    net.read(tensor, values.data());
    return values;
  }
  std::vector<float> values(count);
  net.read(tensor, values.data());
  return {values.begin(), values.end()};
}

void set_values(net::Net& net, dlr_tensor& tensor, const Values& values) {
  if (tensor.desc.dtype == DLR_F64) return net.write(tensor, values.data());
  const std::vector<float> floats(values.begin(), values.end());
  net.write(tensor, floats.data());
}

namespace {

// Multiples of 2^-23 that aren't 0, so that float32 holds them exactly: what is the largest of some
// is so in every type.
Values scattered_values(std::size_t n, uint64_t stream) {
  constexpr double kStep = 1.0 / (1 << 22);
  constexpr int kUnusedBits = 32 - 23;
  Values values(n);
  for (std::size_t i = 0; i < n; ++i) {
    const uint32_t bits = dlr_random_bits({1, stream}, i);
    values[i] = (static_cast<double>(bits >> kUnusedBits) + 0.5) * kStep - 1;
  }
  return values;
}

}  // namespace

Values spread_values(std::size_t n, uint64_t stream) {
  if (n > kMostSpread) return scattered_values(n, stream);
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = n; i > 1; --i)
    std::swap(order[i - 1], order[dlr_random_bits({1, stream}, i) % i]);
  Values values(n);
  for (std::size_t i = 0; i < n; ++i) {
    values[i] = (static_cast<double>(order[i]) + 0.5) / static_cast<double>(n) * 2 - 1;
    if (n % 2 == 1 && order[i] == n / 2) values[i] = 1.0 / static_cast<double>(n) / 2;
  }
  return values;
}

void require_same_bits(const std::vector<Values>& found, const std::vector<Values>& expected,
                       const std::string& what) {
  if (found.size() != expected.size())
    fail(fmt::format("{}: {} tensors", what, found.size()), fmt::format("{}", expected.size()));
  for (std::size_t t = 0; t < found.size(); ++t) {
    for (std::size_t i = 0; i < expected[t].size(); ++i) {
      const double a = found[t].at(i);
      const double b = expected[t][i];
      if (a == b || (std::isnan(a) && std::isnan(b))) continue;
      fail(fmt::format("{} {}: element {} is {}", what, t, i, a), fmt::format("{}", b));
    }
  }
}

void require_close(const Values& found, const Values& expected, double relative, double absolute,
                   const std::string& what) {
  double largest = 0;
  for (const double value : expected)
    largest = std::isfinite(value) ? std::max(largest, std::abs(value)) : largest;
  const double allowed = absolute + relative * largest;
  std::size_t worst_at = 0;
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (std::isnan(found[i]) && std::isnan(expected[i])) continue;
    if (found[i] == expected[i]) continue;
    const double difference = std::abs(found[i] - expected[i]);
    if (std::isnan(difference) || difference > worst) {
      worst = std::isnan(difference) ? HUGE_VAL : difference;
      worst_at = i;
    }
  }
  if (worst <= allowed) return;
  fail(fmt::format("{}: element {} of {} is {}", what, worst_at, expected.size(), found[worst_at]),
       fmt::format("{}, within {:.2g}", expected[worst_at], allowed));
}

}  // namespace dlrun::conform
