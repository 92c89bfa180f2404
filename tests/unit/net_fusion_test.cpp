// Fusion: activations that are computed by the operator before them, and when they must not be.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/unit/layers_bench.hpp"

namespace dlrun::test {
namespace {

const char* const kConvolution = R"(
  layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 8 dim: 6 dim: 6 } } }
  layer { name: "conv" type: "Convolution" bottom: "x" top: "h"
          convolution_param { num_output: 8 kernel_size: 3 pad: 1
                              weight_filler { type: "xavier" }
                              bias_filler { type: "uniform" min: -1 } } }
)";
const char* const kRelu = R"(
  layer { name: "relu" type: "ReLU" bottom: "h" top: "r" relu_param { negative_slope: 0.25 } }
)";

net::NetOptions training() {
  net::NetOptions options;
  options.state.is_training = true;
  options.force_backward = true;
  return options;
}

bool is_fused(net::Net& net, const std::string& layer) {
  return net.find_stage(layer)->fused_into != nullptr;
}

// Output, then the gradients of the input and the weights, for inputs and output gradients of one
// pattern.
std::vector<double> results(net::Net& net) {
  net::Value& x = *net.find_value("x");
  net::Value& y = *net.find_value("r");
  const auto pattern = [](const dlr_tensor& tensor, int step) {
    std::vector<double> values(static_cast<size_t>(memory::element_count(tensor.desc)));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<double>((static_cast<int>(i) * step) % 17 - 8) / 8;
    return values;
  };
  set_values(net, x.data, pattern(x.data, 5));
  net.forward();
  set_values(net, y.gradient, pattern(y.gradient, 3));
  net.begin_iteration();
  net.backward();
  std::vector<double> all = values_of(net, y.data);
  for (const dlr_tensor* tensor : {&x.gradient, &net.find_param("conv", 0)->gradient}) {
    const std::vector<double> values = values_of(net, *tensor);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

}  // namespace

TEST_CASE("an activation in place is computed by the operator before it, with the same numbers") {
  if (!LayersBench::has_device("onednn")) return;
  const std::string text = std::string(kConvolution) + kRelu;
  setenv("DLRUN_ONEDNN", "all", 1);  // it would leave so few channels to the cpu device
  LayersBench onednn("onednn");
  const auto fused = onednn.make_net(text, training());
  REQUIRE(is_fused(*fused, "relu"));
  const std::vector<std::string> report = fused->placement_report();
  CHECK(std::find(report.begin(), report.end(), "1 of them as part of the operator before it") !=
        report.end());

  LayersBench cpu(Operators::kOfDevice);
  const auto plain = cpu.make_net(text, training());
  CHECK_FALSE(is_fused(*plain, "relu"));  // the cpu device declines
  const std::vector<double> expected = results(*plain);
  const std::vector<double> found = results(*fused);
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-4));
}

TEST_CASE("what somebody else reads before the activation stays as it was") {
  if (!LayersBench::has_device("onednn")) return;
  LayersBench bench("onednn");
  SUBCASE("another layer") {
    const auto net = bench.make_net(
        std::string(kConvolution) +
            "layer { name: 'other' type: 'Power' bottom: 'h' top: 'p' power_param { scale: 2 } }" +
            kRelu,
        training());
    CHECK_FALSE(is_fused(*net, "relu"));
  }
  SUBCASE("whoever looks at every value") {
    net::NetOptions options = training();
    options.keep_all = true;
    const auto net = bench.make_net(std::string(kConvolution) + kRelu, options);
    CHECK_FALSE(is_fused(*net, "relu"));
  }
  SUBCASE("the activation itself, in backward") {
    const auto net = bench.make_net(std::string(kConvolution) +
                                        "layer { name: 'relu' type: 'ReLU' bottom: 'h' top: 'r' "
                                        "relu_param { negative_slope: -0.5 } }",
                                    training());
    CHECK_FALSE(is_fused(*net, "relu"));
  }
}

}  // namespace dlrun::test
