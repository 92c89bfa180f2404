// Fillers: statistics, ranges, fans and purity.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numeric>
#include <vector>

#include "tests/unit/plugin_bench.hpp"

namespace {

using dlrun::test::failure_of;
using dlrun::test::PluginBench;

PluginBench& bench() {
  static PluginBench* bench = [] {
    auto* made = new PluginBench({"fillers"});
    made->add_schema(
        "syntax = \"proto2\"; message FillTestParameter { optional FillerParameter filler = 1; }"
        "extend LayerParameter { optional FillTestParameter fill_test_param = 39999; }");
    return made;
  }();
  return *bench;
}

template <class T = float>
std::vector<T> fill(const std::string& fields, std::vector<int64_t> shape, uint64_t stream = 7) {
  const auto layer =
      bench().parse_layer("name: 'l' type: 'T' fill_test_param { filler { " + fields + " } }");
  const auto filler = layer.message("fill_test_param").message("filler");
  dlr_array array{};
  array.rank = static_cast<uint32_t>(shape.size());
  std::copy(shape.begin(), shape.end(), array.dim);
  std::vector<T> values(static_cast<size_t>(
      std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<int64_t>())));
  array.dtype = sizeof(T) == 4 ? DLR_F32 : DLR_F64;
  array.data = values.data();
  array.bytes = values.size() * sizeof(T);
  const auto& type = bench().type<dlr_filler_type>("filler", filler.text("type"));
  dlrun::host::check(type.fill(bench().params(filler), {1, stream}, &array));
  return values;
}

double mean_of(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double variance_of(const std::vector<float>& values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const float value : values)
    sum += (value - mean) * (value - mean);
  return sum / static_cast<double>(values.size());
}

float least(const std::vector<float>& values) {
  return *std::min_element(values.begin(), values.end());
}
float greatest(const std::vector<float>& values) {
  return *std::max_element(values.begin(), values.end());
}

}  // namespace

TEST_CASE("constant gives its value everywhere") {
  CHECK(fill("type: 'constant' value: 2.5", {2, 2}) == std::vector<float>(4, 2.5f));
}

TEST_CASE("uniform fills its range evenly") {
  const auto values = fill("type: 'uniform' min: -1 max: 3", {1000, 100});
  CHECK(least(values) >= -1);
  CHECK(least(values) < -0.99);
  CHECK(greatest(values) < 3);
  CHECK(greatest(values) > 2.99);
  CHECK(mean_of(values) == doctest::Approx(1).epsilon(0.02));
  CHECK(variance_of(values) == doctest::Approx(16.0 / 12).epsilon(0.02));
}

TEST_CASE("gaussian has the mean, the deviation and the tails of a normal distribution") {
  const auto values = fill("type: 'gaussian' mean: 2 std: 0.5", {1000, 100});
  CHECK(mean_of(values) == doctest::Approx(2).epsilon(0.01));
  CHECK(std::sqrt(variance_of(values)) == doctest::Approx(0.5).epsilon(0.01));
  const auto beyond =
      std::count_if(values.begin(), values.end(), [](float v) { return std::fabs(v - 2) > 1; });
  CHECK(static_cast<double>(beyond) / 1e5 ==
        doctest::Approx(0.0455).epsilon(0.1));  // two deviations
}

TEST_CASE("sparse gaussian leaves about `sparse` non-zero values for each input") {
  const auto values = fill("type: 'gaussian' std: 1 sparse: 10", {100, 1000});
  const auto nonzero = std::count_if(values.begin(), values.end(), [](float v) { return v != 0; });
  CHECK(static_cast<double>(nonzero) / 1e5 == doctest::Approx(0.1).epsilon(0.05));
}

TEST_CASE("positive_unitball makes each output's values sum to one") {
  const auto values = fill("type: 'positive_unitball'", {3, 4, 5});
  for (int row = 0; row < 3; ++row) {
    CHECK(std::accumulate(values.begin() + row * 20, values.begin() + row * 20 + 20, 0.0) ==
          doctest::Approx(1));
  }
  CHECK(least(values) >= 0);
}

TEST_CASE("xavier is uniform with variance 1 / fan, by each of the fans") {
  // shape [outputs, inputs, kh, kw]: fan-in 30 * 4 = 120, fan-out 200 * 4 = 800
  for (const auto& [norm, fan] :
       {std::pair{"FAN_IN", 120.0}, {"FAN_OUT", 800.0}, {"AVERAGE", 460.0}}) {
    const std::string text = std::string("type: 'xavier' variance_norm: ") + norm;
    CAPTURE(text);
    const auto values = fill(text, {200, 30, 2, 2});
    const double limit = std::sqrt(3 / fan);
    CHECK(greatest(values) <= limit);
    CHECK(greatest(values) > 0.99 * limit);
    CHECK(variance_of(values) == doctest::Approx(1 / fan).epsilon(0.03));
    CHECK(std::fabs(mean_of(values)) < 0.03 * limit);
  }
}

TEST_CASE("msra is normal with variance 2 / fan") {
  CHECK(variance_of(fill("type: 'msra'", {200, 100})) == doctest::Approx(0.02).epsilon(0.05));
  CHECK(variance_of(fill("type: 'msra' variance_norm: FAN_OUT", {200, 100})) ==
        doctest::Approx(0.01).epsilon(0.05));
}

TEST_CASE("bilinear gives the weights of an upsampling by two") {
  const auto values = fill("type: 'bilinear'", {1, 1, 4, 4});
  const std::vector<float> tent = {0.25f, 0.75f, 0.75f, 0.25f};
  for (size_t row = 0; row < 4; ++row) {
    for (size_t column = 0; column < 4; ++column) {
      CHECK(values[row * 4 + column] == doctest::Approx(tent[row] * tent[column]));
    }
  }
}

TEST_CASE("a value depends on the key and its index only") {
  for (const char* fields :
       {"type: 'uniform'", "type: 'gaussian'", "type: 'gaussian' sparse: 50"}) {
    CAPTURE(fields);
    const auto longer = fill(fields, {100, 100});
    const auto shorter = fill(fields, {100, 7});
    CHECK(std::equal(shorter.begin(), shorter.end(), longer.begin()));
    CHECK(fill(fields, {100, 100}) == longer);
    CHECK(fill(fields, {100, 100}, 8) != longer);
    const auto doubles = fill<double>(fields, {100, 100});
    CHECK(std::equal(longer.begin(), longer.end(), doubles.begin(),
                     [](float f, double d) { return f == static_cast<float>(d); }));
  }
}

TEST_CASE("wrong filler parameters are errors at their place") {
  for (const auto& [fields, shape, message] :
       std::initializer_list<std::tuple<const char*, std::vector<int64_t>, const char*>>{
           {"type: 'uniform' min: 2 max: 1", {2}, "min is greater than max"},
           {"type: 'gaussian' std: -1", {2}, "std is negative"},
           {"type: 'gaussian' sparse: 5", {2, 3}, "there are only 2 outputs"},
           {"type: 'xavier' sparse: 5", {2, 3}, "works with type: \"gaussian\" only"},
           {"type: 'xavier'", {}, "at least 1 dimensions"},
           {"type: 'bilinear'", {1, 1, 2, 3}, "square window"}}) {
    const std::string text = fields;
    CAPTURE(text);
    const std::string error = failure_of([&, &shape = shape] { fill(text, shape); });
    CHECK(error.find(message) != std::string::npos);
    CHECK(error.find("test.prototxt:1:") == 0);
  }
}
