// The "did you mean" of error messages.
#include "core/base/suggest.hpp"

#include <doctest/doctest.h>

using dlrun::base::did_you_mean;
using dlrun::base::nearest_name;

TEST_CASE("a slip of one letter finds the name that was meant") {
  CHECK(nearest_name("num_outputs", {"kernel_size", "num_output", "pad"}) == "num_output");
}

TEST_CASE("letter case does not count as a slip") {
  CHECK(nearest_name("convolution", {"Pooling", "Convolution"}) == "Convolution");
}

TEST_CASE("a name far from every candidate has no suggestion") {
  CHECK(nearest_name("zzzzzzzz", {"Pooling", "Convolution"}).empty());
  CHECK(did_you_mean("zzzzzzzz", {"Pooling", "Convolution"}).empty());
  CHECK(did_you_mean("pad", {}).empty());
}

TEST_CASE("the suggestion is a phrase to append to a message") {
  CHECK(did_you_mean("padd", {"pad", "stride"}) == "; did you mean 'pad'?");
}
