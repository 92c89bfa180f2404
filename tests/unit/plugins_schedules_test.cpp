// Schedules against numbers worked out by hand from their formulas.
#include <doctest/doctest.h>

#include <memory>
#include <utility>
#include <vector>

#include "tests/unit/plugin_bench.hpp"

namespace {

using dlrun::test::failure_of;
using dlrun::test::PluginBench;

std::vector<double> rates(const std::string& fields, const std::vector<int64_t>& iterations) {
  PluginBench bench({"schedules"});
  const auto solver = bench.parse_solver(fields);
  const auto& type = bench.type<dlr_schedule_type>("schedule", solver.text("lr_policy"));
  void* made = nullptr;
  dlrun::host::check(type.create(bench.params(solver), &made));
  const std::unique_ptr<void, void (*)(void*)> schedule(made, type.destroy);
  std::vector<double> rates;
  for (const int64_t iteration : iterations)
    rates.push_back(type.rate(schedule.get(), iteration));
  return rates;
}

void check_rates(const std::string& fields,
                 const std::vector<std::pair<int64_t, double>>& expected) {
  CAPTURE(fields);
  for (const auto& point : expected) {
    CAPTURE(point.first);
    CHECK(rates(fields, {point.first})[0] == doctest::Approx(point.second).epsilon(1e-6));
  }
}

}  // namespace

TEST_CASE("every schedule follows its formula") {
  check_rates("lr_policy: 'fixed' base_lr: 0.25", {{0, 0.25}, {1000, 0.25}});
  check_rates("lr_policy: 'step' base_lr: 1 gamma: 0.5 stepsize: 10",
              {{0, 1}, {9, 1}, {10, 0.5}, {19, 0.5}, {20, 0.25}});
  check_rates("lr_policy: 'exp' base_lr: 2 gamma: 0.5", {{0, 2}, {1, 1}, {3, 0.25}});
  check_rates("lr_policy: 'inv' base_lr: 1 gamma: 1 power: 0.5", {{0, 1}, {3, 0.5}, {8, 1.0 / 3}});
  check_rates("lr_policy: 'multistep' base_lr: 1 gamma: 0.1 stepvalue: 5 stepvalue: 8",
              {{0, 1}, {4, 1}, {5, 0.1}, {7, 0.1}, {8, 0.01}, {100, 0.01}});
  check_rates("lr_policy: 'poly' base_lr: 1 power: 2 max_iter: 10",
              {{0, 1}, {5, 0.25}, {9, 0.01}, {10, 0}, {11, 0}});
  check_rates("lr_policy: 'sigmoid' base_lr: 2 gamma: 0.1 stepsize: 10",
              {{10, 1}, {0, 2 / 3.718281828459045}, {20, 2 / 1.3678794411714423}});
}

TEST_CASE("the rate is the same whatever was asked before") {
  const std::string fields =
      "lr_policy: 'multistep' base_lr: 1 gamma: 0.1 stepvalue: 5 stepvalue: 8";
  CHECK(rates(fields, {9, 0, 6}) ==
        std::vector<double>{rates(fields, {9})[0], 1, rates(fields, {6})[0]});
}

TEST_CASE("what a policy needs and doesn't get is an error at its place") {
  for (const auto& [fields, message] : std::initializer_list<std::pair<const char*, const char*>>{
           {"lr_policy: 'fixed'", "base_lr isn't set"},
           {"lr_policy: 'step' base_lr: 1 gamma: 1", "\"step\" needs stepsize"},
           {"lr_policy: 'step' base_lr: 1 gamma: 1 stepsize: 0", "stepsize must be at least 1"},
           {"lr_policy: 'step' base_lr: 1 stepsize: 5", "\"step\" needs gamma"},
           {"lr_policy: 'inv' base_lr: 1 gamma: 1", "\"inv\" needs power"},
           {"lr_policy: 'multistep' base_lr: 1 gamma: 1", "at least one stepvalue"},
           {"lr_policy: 'multistep' base_lr: 1 gamma: 1 stepvalue: 5 stepvalue: 4",
            "must not decrease"},
           {"lr_policy: 'poly' base_lr: 1 power: 1", "\"poly\" needs max_iter"},
           {"lr_policy: 'sigmoid' base_lr: 1 gamma: 1", "\"sigmoid\" needs stepsize"}}) {
    const std::string text = fields;
    CAPTURE(text);
    const std::string error = failure_of([&] { rates(text, {0}); });
    CHECK(error.find(message) != std::string::npos);
    CHECK(error.find("solver.prototxt:1:") == 0);
  }
}
