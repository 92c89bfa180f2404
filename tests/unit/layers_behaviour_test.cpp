// What layers do beyond formulas: labels that are none, random choices, fillers, phases.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/unit/layers_bench.hpp"

namespace dlrun::test {
namespace {

std::string input(const std::string& name, const std::string& dims) {
  return "layer { name: '" + name + "' type: 'Input' top: '" + name + "' input_param { shape { " +
         dims + " } } } ";
}

void set(net::Net& net, const std::string& name, const std::vector<double>& values) {
  set_values(net, net.find_value(name)->data, values);
}

std::vector<double> get(net::Net& net, const std::string& name) {
  return values_of(net, net.find_value(name)->data);
}

net::NetOptions training() {
  net::NetOptions options;
  options.state.is_training = true;
  options.force_backward = true;
  return options;
}

TEST_CASE("a label that is no class makes SoftmaxWithLoss NaN and its own gradient 0") {
  LayersBench bench(Operators::kOfDevice);
  const std::string text =
      input("x", "dim: 2 dim: 3") + input("l", "dim: 2") +
      "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'x' bottom: 'l' top: 'loss' }";
  for (const double label : {3.0, -1.0, 1e9, std::nan("")}) {
    const auto net = bench.make_net(text, training());
    set(*net, "x", {1, 2, 3, 4, 5, 6});
    set(*net, "l", {1, label});
    CHECK(std::isnan(net->forward()));
    net->backward();
    const std::vector<double> gradient = values_of(*net, net->find_value("x")->gradient);
    CHECK(gradient[1] < 0);
    for (size_t i = 3; i < 6; ++i)
      CHECK(gradient[i] == 0);
  }
}

TEST_CASE("a loss over ignored labels only is 0 and finite") {
  LayersBench bench(Operators::kOfDevice);
  const auto net =
      bench.make_net(input("x", "dim: 2 dim: 3") + input("l", "dim: 2") +
                         "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'x' bottom: 'l' "
                         "top: 'loss' loss_param { ignore_label: 255 } }",
                     training());
  set(*net, "x", {1, 2, 3, 4, 5, 6});
  set(*net, "l", {255, 255});
  CHECK(net->forward() == 0);
  net->backward();
  for (const double each : values_of(*net, net->find_value("x")->gradient))
    CHECK(each == 0);
}

TEST_CASE("a top with a loss weight that layers read gets both gradients") {
  LayersBench bench(Operators::kOfDevice);
  const std::string power = "layer { type: 'Power' power_param { scale: ";
  const auto net = bench.make_net(
      input("x", "dim: 2 dim: 3") + power + "2 } name: 'a' bottom: 'x' top: 'y' loss_weight: 5 }" +
          power + "3 } name: 'b' bottom: 'y' top: 'z' loss_weight: 1 }" + power +
          "4 } name: 'c' bottom: 'y' top: 'w' loss_weight: 1 }",
      training());
  set(*net, "x", {1, 1, 1, 1, 1, 1});
  for (int i = 0; i < 2; ++i) {
    CHECK(net->forward() == 6 * (2 * 5 + 6 + 8));
    net->backward();
    for (const double each : values_of(*net, net->find_value("x")->gradient))
      CHECK(each == 2 * (5 + 3 + 4));
  }
}

TEST_CASE("a loss needs no top of a name, other layers do") {
  LayersBench bench(Operators::kOfDevice);
  const std::string inputs = input("x", "dim: 1 dim: 2") + input("t", "dim: 1 dim: 2");
  const std::string loss = "layer { name: 'loss' type: 'EuclideanLoss' bottom: 'x' bottom: 't' ";
  const auto net = bench.make_net(inputs + loss + "loss_weight: 3 }", training());
  set(*net, "x", {1, 2});
  set(*net, "t", {1, 4});
  CHECK(net->forward() == 3 * 2);
  net->backward();
  CHECK(values_of(*net, net->find_value("x")->gradient) == std::vector<double>{0, -6});
  CHECK_THROWS_WITH_AS(
      bench.make_net(inputs + "layer { name: 'sum' type: 'Eltwise' bottom: 'x' bottom: 't' }",
                     training()),
      doctest::Contains("type 'Eltwise' takes 1 top, found 0"), base::Error);
}

TEST_CASE("SigmoidCrossEntropyLoss stays finite for any score") {
  LayersBench bench(Operators::kOfDevice);
  const auto net = bench.make_net(input("x", "dim: 1 dim: 4") + input("t", "dim: 1 dim: 4") +
                                      "layer { name: 'loss' type: 'SigmoidCrossEntropyLoss' "
                                      "bottom: 'x' bottom: 't' top: 'loss' }",
                                  training());
  set(*net, "x", {1000, -1000, 1000, -1000});
  set(*net, "t", {1, 0, 0, 1});
  CHECK(net->forward() == 2000);
  net->backward();
  CHECK(values_of(*net, net->find_value("x")->gradient) == std::vector<double>{0, 0, 1, -1});
}

TEST_CASE("BatchNorm divides its averages by their weight, and without any gives x its eps") {
  LayersBench bench(Operators::kNone);
  const auto net = bench.make_net(input("x", "dim: 2 dim: 1") +
                                      "layer { name: 'n' type: 'BatchNorm' bottom: 'x' top: 'y' "
                                      "batch_norm_param { use_global_stats: true eps: 0.25 } }",
                                  training());
  set(*net, "x", {1, 3});
  net->forward();
  CHECK(get(*net, "y") == std::vector<double>{2, 6});
  const double averages[] = {8, 3, 4};  // mean 2, variance 0.75
  for (int i = 0; i < 3; ++i)
    set_values(*net, net->find_param("n", i)->data, {averages[i]});
  net->forward();
  CHECK(get(*net, "y") == std::vector<double>{-1, 1});
}

TEST_CASE("a label that is no class is an error of Accuracy") {
  LayersBench bench(Operators::kOfDevice);
  const auto net = bench.make_net(
      input("x", "dim: 2 dim: 3") + input("l", "dim: 2") +
          "layer { name: 'acc' type: 'Accuracy' bottom: 'x' bottom: 'l' top: 'acc' }",
      {});
  set(*net, "x", {1, 2, 3, 4, 5, 6});
  set(*net, "l", {2, 3});
  const std::string failure = failure_of([&] { net->forward(); });
  CHECK(failure.find("layer 'acc': label 1 of the batch is 3") != std::string::npos);
  CHECK(failure.find("expected a class from 0 to 2") != std::string::npos);
}

TEST_CASE("equal scores are no accuracy") {
  LayersBench bench(Operators::kOfDevice);
  const auto net = bench.make_net(
      input("x", "dim: 2 dim: 3") + input("l", "dim: 2") +
          "layer { name: 'acc' type: 'Accuracy' bottom: 'x' bottom: 'l' top: 'acc' }",
      {});
  set(*net, "x", {1, 1, 1, 0, 5, 0});
  set(*net, "l", {0, 1});
  net->forward();
  CHECK(get(*net, "acc") == std::vector<double>{0.5});
}

TEST_CASE(
    "Dropout keeps the wanted fraction, scaled, and drops the same elements of the gradient") {
  LayersBench bench(Operators::kOfDevice);
  const auto net = bench.make_net(input("x", "dim: 10000") +
                                      "layer { name: 'd' type: 'Dropout' bottom: 'x' top: 'y' "
                                      "dropout_param { dropout_ratio: 0.3 } }",
                                  training());
  set(*net, "x", std::vector<double>(10000, 1));
  net->forward();
  const std::vector<double> y = get(*net, "y");
  const auto dropped = std::count(y.begin(), y.end(), 0.0);
  CHECK(dropped > 2800);
  CHECK(dropped < 3200);
  CHECK(*std::max_element(y.begin(), y.end()) == doctest::Approx(1 / 0.7));
  set_values(*net, net->find_value("y")->gradient, std::vector<double>(10000, 1));
  net->backward();
  CHECK(values_of(*net, net->find_value("x")->gradient) == y);
}

TEST_CASE(
    "stochastic pooling draws in proportion to the values, and gives the expectation when "
    "testing") {
  LayersBench bench(Operators::kOfDevice);
  const std::string text = input("x", "dim: 1 dim: 4000 dim: 1 dim: 2") +
                           "layer { name: 'p' type: 'Pooling' bottom: 'x' top: 'y' "
                           "pooling_param { pool: STOCHASTIC kernel_h: 1 kernel_w: 2 } }";
  std::vector<double> x;
  for (int i = 0; i < 4000; ++i)
    x.insert(x.end(), {1, 3});
  const auto train = bench.make_net(text, training());
  set(*train, "x", x);
  train->forward();
  const std::vector<double> drawn = get(*train, "y");
  const auto threes = std::count(drawn.begin(), drawn.end(), 3.0);
  CHECK(threes > 2880);
  CHECK(threes < 3120);
  CHECK(threes + std::count(drawn.begin(), drawn.end(), 1.0) == 4000);

  const auto test = bench.make_net(text, {});
  set(*test, "x", x);
  test->forward();
  for (const double each : get(*test, "y"))
    CHECK(each == doctest::Approx(2.5));
}

TEST_CASE("Pooling leaves out a window that would begin behind the input") {
  LayersBench bench(Operators::kOfDevice);
  for (const char* pool : {"MAX", "AVE"}) {
    const auto net = bench.make_net(input("x", "dim: 1 dim: 1 dim: 4 dim: 4") +
                                        "layer { name: 'p' type: 'Pooling' bottom: 'x' top: 'y' "
                                        "pooling_param { pool: " +
                                        pool + " kernel_size: 1 stride: 2 } }",
                                    {});
    std::vector<double> x(16);
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<double>(i) - 20;
    set(*net, "x", x);
    net->forward();
    CHECK(get(*net, "y") == std::vector<double>{-20, -18, -12, -10});
  }
}

TEST_CASE("max pooling of -infinity gives -infinity") {
  LayersBench bench(Operators::kNone);
  const auto net = bench.make_net(input("x", "dim: 1 dim: 1 dim: 1 dim: 2") +
                                      "layer { name: 'p' type: 'Pooling' bottom: 'x' top: 'y' "
                                      "pooling_param { kernel_h: 1 kernel_w: 2 } }",
                                  {});
  set(*net, "x", {-HUGE_VAL, -HUGE_VAL});
  net->forward();
  CHECK(get(*net, "y") == std::vector<double>{-HUGE_VAL});
}

TEST_CASE("DummyData fills each top by its filler, random ones anew in each pass") {
  LayersBench bench(Operators::kOfDevice);
  const auto net = bench.make_net(
      "layer { name: 'd' type: 'DummyData' top: 'a' top: 'b' dummy_data_param { shape { dim: 4 } "
      "shape { dim: 2 dim: 3 } "
      "data_filler { value: 2.5 } data_filler { type: 'uniform' } } }",
      {});
  net->forward();
  CHECK(get(*net, "a") == std::vector<double>(4, 2.5));
  const std::vector<double> first = get(*net, "b");
  CHECK(first.size() == 6);
  net->forward();
  CHECK(get(*net, "a") == std::vector<double>(4, 2.5));
  CHECK(get(*net, "b") != first);
}

TEST_CASE("DummyData takes shapes in the old way and fills zeros without a filler") {
  LayersBench bench(Operators::kOfDevice);
  const auto net = bench.make_net(
      "layer { name: 'd' type: 'DummyData' top: 'a' top: 'b' "
      "dummy_data_param { num: 1 channels: 2 height: 3 width: 2 } }",
      {});
  net->forward();
  CHECK(get(*net, "b") == std::vector<double>(12, 0));
}

TEST_CASE("a convolution whose weights are fixed still learns its bias, and the other way round") {
  for (const Operators operators : {Operators::kOfDevice, Operators::kNone}) {
    LayersBench bench(operators);
    const auto net_of = [&](const std::string& weights, const std::string& bias) {
      net::NetOptions options;
      options.state.is_training = true;
      auto net = bench.make_net(
          input("x", "dim: 2 dim: 2 dim: 4 dim: 4") + input("t", "dim: 2 dim: 3 dim: 2 dim: 2") +
              "layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'y' param { lr_mult: " +
              weights + " } param { lr_mult: " + bias +
              " } convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: 'xavier' "
              "} } } "
              "layer { name: 'loss' type: 'EuclideanLoss' bottom: 'y' bottom: 't' top: 'loss' }",
          options);
      std::vector<double> x(64);
      for (size_t i = 0; i < x.size(); ++i)
        x[i] = std::sin(static_cast<double>(i));
      set(*net, "x", x);
      set(*net, "t", std::vector<double>(24, 1));
      net->begin_iteration();
      net->forward();
      net->backward();
      return net;
    };
    const auto both = net_of("1", "2");
    const auto only_bias = net_of("0", "2");
    const auto only_weights = net_of("1", "0");
    CHECK(!only_bias->find_param("c", 0)->wants_gradient);
    CHECK(values_of(*only_bias, only_bias->find_param("c", 1)->gradient) ==
          values_of(*both, both->find_param("c", 1)->gradient));
    CHECK(values_of(*only_weights, only_weights->find_param("c", 0)->gradient) ==
          values_of(*both, both->find_param("c", 0)->gradient));
  }
}

}  // namespace
}  // namespace dlrun::test
