// The gradient of every layer, for every input and parameter, against differences of the objective
// in float64.
#include <doctest/doctest.h>

#include <set>

#include "core/conform/layer/checks.hpp"
#include "core/conform/runner.hpp"
#include "tests/unit/layers_bench.hpp"

namespace dlrun::test {
namespace {

// A gradient.
const std::set<std::string> kWithout = {"Accuracy", "DummyData", "Input"};

void check_all(Operators operators) {
  LayersBench bench(operators);
  const conform::Ground ground = bench.ground();
  for (const conform::LayerCase& c : conform::builtin_layer_cases()) {
    INFO(c.layer, ", ", c.name);
    try {
      conform::check_gradients(ground, c);
    } catch (const conform::Failure& failure) {
      FAIL_CHECK(failure.found, "; expected ", failure.expected);
    } catch (const conform::Declined&) {
      CHECK(kWithout.count(c.layer) == 1);
    }
  }
}

}  // namespace

TEST_CASE("gradients agree with differences, with the cpu device's operators") {
  check_all(Operators::kOfDevice);
}

TEST_CASE("gradients agree with differences, by portable kernels") {
  check_all(Operators::kNone);
}

TEST_CASE("every layer that has a gradient is checked") {
  LayersBench bench(Operators::kNone);
  std::set<std::string> checked = kWithout;
  for (const conform::LayerCase& c : conform::builtin_layer_cases())
    checked.insert(c.layer);
  for (const std::string& name : bench.names("layer")) {
    INFO(name);
    CHECK(checked.count(name) == 1);
  }
}

}  // namespace dlrun::test
