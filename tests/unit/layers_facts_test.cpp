// What layers declare about themselves holds: the suite's rules over every case of every layer, by
// the cpu device's operators and by portable kernels.
#include <doctest/doctest.h>

#include "core/conform/layer/checks.hpp"
#include "core/conform/runner.hpp"
#include "tests/unit/layers_bench.hpp"

namespace dlrun::test {
namespace {

// Calls check(ground, case) for all cases; what the layer declines isn't asked of it.
template <class Check>
void for_all(const Check& check) {
  for (const Operators operators : {Operators::kOfDevice, Operators::kNone}) {
    LayersBench bench(operators);
    const conform::Ground ground = bench.ground();
    for (const conform::LayerCase& c : conform::builtin_layer_cases()) {
      INFO(c.layer, ", ", c.name, operators == Operators::kNone ? ", portable" : "");
      try {
        check(ground, c);
      } catch (const conform::Failure& failure) {
        FAIL_CHECK(failure.found, "; expected ", failure.expected);
      } catch (const conform::Declined&) {
      }
    }
  }
}

}  // namespace

TEST_CASE("a layer's backward doesn't read data that it declared unneeded") {
  for_all(conform::check_unneeded);
}

TEST_CASE("a layer writes every element of its tops and of the gradients") {
  for_all(conform::check_written);
}

TEST_CASE("a layer gives the same bits when its memory is shared") {
  conform::Sharing shared;
  for_all([&](const conform::Ground& ground, const conform::LayerCase& c) {
    const conform::Sharing seen = conform::check_sharing(ground, c);
    shared.data += seen.data;
    shared.gradients += seen.gradients;
  });
  CHECK(shared.data >= 20);  // else nothing was tried
  CHECK(shared.gradients >= 20);
}

TEST_CASE("a layer that declares samples independent keeps them so") {
  for_all(conform::check_per_sample);
}

TEST_CASE("zeros in give zeros out where a layer declares it") {
  for_all(conform::check_zero_to_zero);
}

TEST_CASE("only layers that declare it draw random numbers, anew in each pass") {
  for_all(conform::check_random);
}

}  // namespace dlrun::test
