// Nets: what belongs to a phase, who shares memory, how gradients of values with several readers
// come together.
#include <doctest/doctest.h>

#include "core/base/error.hpp"
#include "tests/unit/train_support.hpp"

namespace dlrun::test {
namespace {

// A net from its text, built for training on cpu.
class SmallNet {
 public:
  explicit SmallNet(const std::string& text, bool is_training = true, bool keep_all = false)
      : session_(session_options(folder_.write("net.prototxt", text))) {
    const config::Node& node = session_.job().train_net;
    net::NetOptions options = session_.net_options(node, is_training);
    options.keep_all = keep_all;
    net_ = std::make_unique<net::Net>(node, session_.catalogue(), options);
  }
  net::Net& net() { return *net_; }
  void prepare() { net_->prepare(session_.devices()); }

  void set(const std::string& value, const std::vector<float>& values) {
    net_->write(net_->find_value(value)->data, values.data());
  }
  std::vector<double> get(const dlr_tensor& tensor) {
    return train::read_blob(*net_, tensor).to_doubles();
  }

 private:
  TemporaryFolder folder_;
  train::Session session_;
  std::unique_ptr<net::Net> net_;
};

const char* const kInput =
    "layer { name: 'in' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 2 } } }\n";

std::string layer(const std::string& name, const std::string& type, const std::string& rest) {
  return "layer { name: '" + name + "' type: '" + type + "' " + rest + " }\n";
}

}  // namespace

TEST_CASE("include and exclude rules choose a phase's layers") {
  const std::string text =
      std::string(kInput) +
      layer("train", "ReLU", "bottom: 'x' top: 'a' include { phase: TRAIN }") +
      layer("test", "ReLU", "bottom: 'x' top: 'b' exclude { phase: TRAIN }") +
      layer("staged", "ReLU", "bottom: 'x' top: 'c' include { stage: 'deploy' }");
  SmallNet train(text, true);
  CHECK(train.net().find_stage("train") != nullptr);
  CHECK(train.net().find_stage("test") == nullptr);
  CHECK(train.net().find_stage("staged") == nullptr);
  SmallNet test(text, false);
  CHECK(test.net().find_stage("train") == nullptr);
  CHECK(test.net().find_stage("test") != nullptr);
}

TEST_CASE("a layer overwrites its bottom only when nobody reads the old values afterwards") {
  const std::string chain =
      std::string(kInput) +
      layer("ip", "InnerProduct", "bottom: 'x' top: 'h' inner_product_param { num_output: 2 }") +
      layer("relu", "ReLU", "bottom: 'h' top: 'h'");
  SUBCASE("alone it works in place") {
    SmallNet net(chain + layer("out", "Power", "bottom: 'h' top: 'y'"), false);
    net.prepare();
    const auto& values = net.net().values();
    CHECK(values[1]->data.buffer == values[2]->data.buffer);  // h before and behind the ReLU
  }
  SUBCASE("with another reader of the old values it doesn't") {
    SmallNet net(std::string(kInput) +
                     layer("ip", "InnerProduct",
                           "bottom: 'x' top: 'h' inner_product_param { num_output: 2 }") +
                     layer("relu", "ReLU", "bottom: 'h' top: 'r'") +
                     layer("sum", "Eltwise", "bottom: 'h' bottom: 'r' top: 'y'"),
                 false);
    net.prepare();
    CHECK(net.net().find_value("h")->data.buffer != net.net().find_value("r")->data.buffer);
  }
  SUBCASE("and never over an input") {
    SmallNet net(std::string(kInput) + layer("relu", "ReLU", "bottom: 'x' top: 'x'"), false);
    net.prepare();
    CHECK(net.net().values()[0]->data.buffer != net.net().values()[1]->data.buffer);
  }
}

TEST_CASE("values whose lives don't overlap share memory in inference") {
  std::string text = kInput;
  std::string below = "x";
  for (int i = 0; i < 6; ++i) {
    const std::string name = "h" + std::to_string(i);
    text +=
        layer(name, "InnerProduct",
              "bottom: '" + below + "' top: '" + name + "' inner_product_param { num_output: 2 }");
    below = name;
  }
  SmallNet shared(text, false);
  SmallNet kept(text, false, true);
  CHECK(shared.net().plan_memory().values < kept.net().plan_memory().values);
  CHECK(shared.net().plan_memory().values_unshared == kept.net().plan_memory().values);
}

TEST_CASE("the gradient of a value with several readers is the sum of theirs") {
  // y = (1 x) + (2 x) + (3 x), loss weight 1 on y: dy/dx = 6 for every element.
  const std::string text =
      "force_backward: true\n" + std::string(kInput) +
      layer("a", "Power", "bottom: 'x' top: 'a' power_param { scale: 1 }") +
      layer("b", "Power", "bottom: 'x' top: 'b' power_param { scale: 2 }") +
      layer("c", "Power", "bottom: 'x' top: 'c' power_param { scale: 3 }") +
      layer("sum", "Eltwise", "bottom: 'a' bottom: 'b' bottom: 'c' top: 'y' loss_weight: 1");
  SmallNet net(text);
  net.prepare();
  net.set("x", {1, 2, 3, 4});
  CHECK(net.net().forward() == doctest::Approx(60));
  net.net().backward();
  CHECK(net.get(net.net().find_value("x")->gradient) == std::vector<double>(4, 6.0));
}

TEST_CASE("two tops that one filler fills get different values") {
  SmallNet net(layer(
      "data", "DummyData",
      "top: 'a' top: 'b' dummy_data_param { shape { dim: 4 } data_filler { type: 'gaussian' } }"));
  net.prepare();
  net.net().forward();
  CHECK(net.get(net.net().find_value("a")->data) != net.get(net.net().find_value("b")->data));
}

TEST_CASE("views cost nothing and pass their gradients on") {
  const std::string text =
      "force_backward: true\n" + std::string(kInput) +
      layer("flat", "Flatten", "bottom: 'x' top: 'f' flatten_param { axis: 0 }") +
      layer("split", "Split", "bottom: 'f' top: 's' top: 't'") +
      layer("a", "Power", "bottom: 's' top: 'a' power_param { scale: 2 } loss_weight: 1") +
      layer("b", "Power", "bottom: 't' top: 'b' power_param { scale: 5 } loss_weight: 1");
  SmallNet net(text);
  net.prepare();
  CHECK(net.net().find_value("f")->data.buffer == net.net().find_value("x")->data.buffer);
  CHECK(net.net().find_value("t")->data.buffer == net.net().find_value("x")->data.buffer);
  net.set("x", {1, 2, 3, 4});
  CHECK(net.net().forward() == doctest::Approx(70));
  net.net().backward();
  CHECK(net.get(net.net().find_value("x")->gradient) == std::vector<double>(4, 7.0));
}

TEST_CASE("propagate_down: false stops a gradient") {
  const std::string text =
      std::string(kInput) +
      layer("below", "InnerProduct", "bottom: 'x' top: 'h' inner_product_param { num_output: 2 }") +
      layer("above", "InnerProduct",
            "bottom: 'h' top: 'y' propagate_down: false loss_weight: 1 inner_product_param { "
            "num_output: 2 }");
  SmallNet net(text);
  CHECK_FALSE(net.net().find_stage("below")->runs_backward);
  CHECK(net.net().find_stage("above")->runs_backward);
  CHECK_FALSE(net.net().find_param("below", 0)->wants_gradient);
}

TEST_CASE(
    "propagate_down: true asks for a gradient that nothing needs, where a loss depends on it") {
  const auto above = [](const std::string& fields) {
    return std::string(kInput) +
           layer("halve", "Power", "bottom: 'x' top: 'h' power_param { scale: 0.5 } " + fields) +
           layer("above", "InnerProduct",
                 "bottom: 'h' top: 'y' loss_weight: 1 inner_product_param { num_output: 1 "
                 "weight_filler { type: 'constant' value: 3 } }");
  };
  SmallNet plain(above(""));
  CHECK_FALSE(plain.net().find_stage("halve")->runs_backward);
  SmallNet net(above("propagate_down: true"));
  net.prepare();
  net.set("x", {1, 2, 3, 4});
  net.net().forward();
  net.net().backward();
  CHECK(net.get(net.net().find_value("x")->gradient) == std::vector<double>(4, 1.5));
  CHECK_THROWS_WITH_AS(
      SmallNet(above("propagate_down: [true, false]")),
      doctest::Contains("layer 'halve': 2 values are given, but the layer has 1 bottoms"),
      base::Error);
}

TEST_CASE("what no loss depends on runs no backward") {
  const std::string text =
      std::string(kInput) +
      layer("used", "InnerProduct",
            "bottom: 'x' top: 'y' loss_weight: 1 inner_product_param { num_output: 2 }") +
      layer("aside", "InnerProduct", "bottom: 'x' top: 'z' inner_product_param { num_output: 2 }");
  SmallNet net(text);
  CHECK(net.net().find_stage("used")->runs_backward);
  CHECK_FALSE(net.net().find_stage("aside")->runs_backward);
}

TEST_CASE("gradients add up until an iteration begins anew") {
  const std::string text =
      std::string(kInput) + layer("ip", "InnerProduct",
                                  "bottom: 'x' top: 'y' loss_weight: 1 inner_product_param { "
                                  "num_output: 1 bias_term: false }");
  SmallNet net(text);
  net.prepare();
  net.set("x", {1, 2, 3, 4});
  const auto gradient = [&] { return net.get(net.net().find_param("ip", 0)->gradient); };
  net.net().begin_iteration();
  net.net().forward();
  net.net().backward();
  CHECK(gradient() == std::vector<double>{4, 6});
  net.net().forward();
  net.net().backward();
  CHECK(gradient() == std::vector<double>{8, 12});
  net.net().begin_iteration();
  net.net().forward();
  net.net().backward();
  CHECK(gradient() == std::vector<double>{4, 6});
}

}  // namespace dlrun::test
