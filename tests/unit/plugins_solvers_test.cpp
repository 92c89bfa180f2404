// Update rules: the compiled kernels of each instruction set, and whole updates, against loops in
// double precision.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/plugin_bench.hpp"

namespace {

using dlrun::test::failure_of;
using dlrun::test::PluginBench;

// One weight's state as the naive loop sees it.
struct Weight {
  double value;
  double history[2];
};

// The arguments that an update of iteration t gives to the kernel behind gradient, histories and
// weight.
using Numbers = std::vector<double>;
using Rule = std::function<void(Weight&, double gradient, double rate, int64_t iteration)>;

constexpr size_t kCount = 1003;  // not a multiple of any vector's length

double gradient_at(size_t i, int64_t iteration) {
  return std::sin(static_cast<double>(i) + 3.0 * static_cast<double>(iteration));
}

bool can_run(const std::string& isa) {
#if defined(__x86_64__)
  if (isa == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (isa == "avx512")
    return __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
#endif
  return isa == "baseline";
}

dlr_kernel_arg buffer(void* data) {
  return {{DLR_SPACE_HOST, reinterpret_cast<uintptr_t>(data), 0, 0}, 0, 0};
}

// Runs five iterations of the kernel on `Real`s beside the rule.
template <class Real>
void check_kernel(dlr_cpu_entry entry, int n_history, const Rule& rule,
                  const std::function<Numbers(int64_t iteration, double rate)>& numbers,
                  double tolerance) {
  std::vector<Weight> expected(kCount);
  std::vector<Real> weights(kCount);
  std::vector<Real> gradient(kCount);
  std::vector<std::vector<Real>> history(static_cast<size_t>(n_history), std::vector<Real>(kCount));
  for (size_t i = 0; i < kCount; ++i) {
    expected[i] = {std::cos(static_cast<double>(i)), {0, 0}};
    weights[i] = static_cast<Real>(expected[i].value);
  }
  for (int64_t iteration = 0; iteration < 5; ++iteration) {
    const double rate = 0.1 / static_cast<double>(iteration + 1);
    for (size_t i = 0; i < kCount; ++i) {
      gradient[i] = static_cast<Real>(gradient_at(i, iteration));
      rule(expected[i], gradient_at(i, iteration), rate, iteration);
    }
    std::vector<dlr_kernel_arg> args = {buffer(gradient.data())};
    for (auto& values : history)
      args.push_back(buffer(values.data()));
    args.push_back(buffer(weights.data()));
    for (const double number : numbers(iteration, rate))
      args.push_back({{}, number, 0});
    entry(args.data(), 0, 500);  // in two parts, as two threads would
    entry(args.data(), 500, kCount);
  }
  double worst = 0;
  for (size_t i = 0; i < kCount; ++i) {
    worst = std::max(worst, std::fabs(static_cast<double>(weights[i]) - expected[i].value));
    for (size_t h = 0; h < history.size(); ++h) {
      worst =
          std::max(worst, std::fabs(static_cast<double>(history[h][i]) - expected[i].history[h]));
    }
  }
  CHECK(worst < tolerance);
}

void check_solver(const std::string& library, const std::string& name, int n_history,
                  const Rule& rule, const std::function<Numbers(int64_t, double)>& numbers) {
  PluginBench bench({library});
  const auto& type = bench.type<dlr_solver_type>("solver", name);
  REQUIRE(type.n_kernels == 1);
  int checked = 0;
  for (uint32_t v = 0; v < type.kernels[0]->n_variants; ++v) {
    const dlr_cpu_variant& variant = *type.kernels[0]->variants[v];
    const std::string isa(variant.isa.data, variant.isa.length);
    if (variant.f32 == nullptr || !can_run(isa)) continue;
    CAPTURE(isa);
    check_kernel<float>(variant.f32, n_history, rule, numbers, 1e-5);
    check_kernel<float>(variant.f32_wide, n_history, rule, numbers, 1e-5);
    check_kernel<double>(variant.f64, n_history, rule, numbers, 1e-14);
    check_kernel<double>(variant.f64_wide, n_history, rule, numbers, 1e-14);
    ++checked;
  }
  CHECK(checked >= 1);
}

std::string creation_failure(const std::string& library, const std::string& name,
                             const std::string& fields) {
  return failure_of([&] {
    PluginBench bench({library});
    const auto& type = bench.type<dlr_solver_type>("solver", name);
    void* self = nullptr;
    dlrun::host::check(type.create(bench.params(bench.parse_solver(fields)), &self));
    type.destroy(self);
  });
}

}  // namespace

TEST_CASE("SGD moves along a momentum of gradients") {
  const double momentum = 0.9;
  check_solver(
      "solver_sgd", "SGD", 1,
      [=](Weight& w, double gradient, double rate, int64_t) {
        w.history[0] = momentum * w.history[0] + rate * gradient;
        w.value -= w.history[0];
      },
      [=](int64_t, double rate) {
        return Numbers{momentum, rate};
      });
}

TEST_CASE("Nesterov looks ahead along its momentum") {
  const double momentum = 0.8;
  check_solver(
      "solver_nesterov", "Nesterov", 1,
      [=](Weight& w, double gradient, double rate, int64_t) {
        const double before = w.history[0];
        w.history[0] = momentum * before + rate * gradient;
        w.value += momentum * before - (1 + momentum) * w.history[0];
      },
      [=](int64_t, double rate) {
        return Numbers{momentum, rate};
      });
}

TEST_CASE("Adam scales by the corrected means of the gradient and its square") {
  const double b1 = 0.9;
  const double b2 = 0.999;
  const double delta = 1e-8;
  check_solver(
      "solver_adam", "Adam", 2,
      [=](Weight& w, double gradient, double rate, int64_t iteration) {
        const double t = static_cast<double>(iteration + 1);
        w.history[0] = b1 * w.history[0] + (1 - b1) * gradient;
        w.history[1] = b2 * w.history[1] + (1 - b2) * gradient * gradient;
        const double correction = std::sqrt(1 - std::pow(b2, t)) / (1 - std::pow(b1, t));
        w.value -= rate * correction * w.history[0] / (std::sqrt(w.history[1]) + delta);
      },
      [=](int64_t iteration, double rate) {
        const double t = static_cast<double>(iteration + 1);
        return Numbers{b1, b2, delta,
                       rate * std::sqrt(1 - std::pow(b2, t)) / (1 - std::pow(b1, t))};
      });
}

TEST_CASE("a weight without gradient stays put under Adam, also with delta 0") {
  PluginBench bench({"solver_adam"});
  const auto& type = bench.type<dlr_solver_type>("solver", "Adam");
  float zero[1] = {0};
  float mean[1] = {0};
  float square[1] = {0};
  float weight[1] = {3};
  const dlr_kernel_arg args[] = {buffer(zero), buffer(mean),   buffer(square), buffer(weight),
                                 {{}, 0.9, 0}, {{}, 0.999, 0}, {{}, 0.0, 0},   {{}, 0.1, 0}};
  type.kernels[0]->variants[0]->f32(args, 0, 1);
  CHECK(weight[0] == 3);
}

TEST_CASE("solver parameters out of range are errors at their place") {
  const std::string momentum = creation_failure("solver_adam", "Adam", "base_lr: 1 momentum: 1");
  CHECK(momentum.find("solver.prototxt:1:") == 0);
  CHECK(momentum.find("momentum must be at least 0 and below 1") != std::string::npos);
  CHECK(creation_failure("solver_adam", "Adam", "momentum2: -0.1").find("momentum2 must be") !=
        std::string::npos);
  CHECK(creation_failure("solver_adam", "Adam", "delta: -1").find("delta is negative") !=
        std::string::npos);
  CHECK(creation_failure("solver_adam", "Adam", "momentum: 0.9").empty());
}
