// Where gradients must flow and can't: a layer without one between the loss and a layer that
// learns.
#include <doctest/doctest.h>

#include "core/net/learning.hpp"
#include "tests/unit/layers_bench.hpp"

namespace dlrun::test {
namespace {

// The build's layers, but these have no gradient.
class DeafBench : public LayersBench {
 public:
  DeafBench() : LayersBench(Operators::kOfDevice) {
    for (const std::string name : {"TanH", "Scale", "Flatten"}) {
      const net::Provided provided = LayersBench::load("layer", name, {}, "");
      dlr_layer_type& type = deaf_[name] = *static_cast<const dlr_layer_type*>(provided.type);
      type.backward = nullptr;
    }
  }

  net::Provided load(const std::string& kind, const std::string& name, const base::Location& where,
                     const std::string& subject) override {
    net::Provided provided = LayersBench::load(kind, name, where, subject);
    const auto found = deaf_.find(name);
    if (kind == "layer" && found != deaf_.end()) provided.type = &found->second;
    return provided;
  }

 private:
  std::map<std::string, dlr_layer_type> deaf_;
};

// What is said of a net of these layers behind an inner product; "" when it may be trained.
std::string refusal(const std::string& layers, bool force_backward = false) {
  DeafBench bench;
  const std::string text =
      "layer { name: 'in' type: 'Input' top: 'x' top: 't' "
      "        input_param { shape { dim: 2 dim: 3 } } }\n"
      "layer { name: 'labels' type: 'Input' top: 'label' input_param { shape { dim: 2 } } }\n"
      "layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'h' "
      "        inner_product_param { num_output: 3 } }\n" +
      layers;
  net::NetOptions options;
  options.state.is_training = true;
  options.force_backward = force_backward;
  const config::Node node = bench.parse_net(text);
  const net::Net net(node, bench, options);
  try {
    net::check_learning(net, node.where());
    return "";
  } catch (const base::Error& error) {
    return error.what();
  }
}

const std::string kDeaf = "layer { name: 'deaf' type: 'TanH' bottom: 'h' top: 'y' }\n";
const std::string kLoss = "layer { name: 'loss' type: 'EuclideanLoss' bottom: 'y' bottom: 't' }\n";
const std::string kMessage =
    "layer 'deaf': type 'TanH' has no gradient to pass on to layer 'ip', which learns; "
    "`propagate_down: false` for its bottom says that this is meant";

}  // namespace

TEST_CASE("a layer without a gradient between the loss and a layer that learns is refused") {
  CHECK(refusal(kDeaf + kLoss) == "test.prototxt:4:1: " + kMessage);
}

TEST_CASE("also when all gradients are forced") {
  CHECK(refusal(kDeaf + kLoss, true) == "test.prototxt:4:1: " + kMessage);
}

TEST_CASE("also where a gradient comes by another way") {
  CHECK(refusal(kDeaf + "layer { name: 'sum' type: 'Eltwise' bottom: 'h' bottom: 'y' top: 's' }\n"
                        "layer { name: 'loss' type: 'EuclideanLoss' bottom: 's' bottom: 't' }\n")
            .find(kMessage) != std::string::npos);
}

TEST_CASE("also when it is in the objective itself") {
  CHECK(refusal("layer { name: 'metric' type: 'Accuracy' bottom: 'h' bottom: 'label' top: 'a' "
                "        loss_weight: 1 }\n")
            .find("layer 'metric': type 'Accuracy' has no gradient to pass on to layer 'ip'") !=
        std::string::npos);
}

TEST_CASE("also behind another one of its kind") {
  CHECK(refusal("layer { name: 'first' type: 'TanH' bottom: 'h' top: 'm' }\n"
                "layer { name: 'deaf' type: 'TanH' bottom: 'm' top: 'y' }\n" +
                kLoss)
            .find(kMessage) != std::string::npos);
}

TEST_CASE("a layer that learns and has no gradient is refused") {
  const std::string deaf = "layer { name: 'deaf' type: 'Scale' bottom: 'x' top: 'y' ";
  CHECK(
      refusal(deaf + "}\n" + kLoss)
          .find("layer 'deaf': has parameters that learn, and type 'Scale' gives them no gradient; "
                "`param { lr_mult: 0 }` for each of them says that this is meant") !=
      std::string::npos);
  CHECK(refusal(deaf + "param { lr_mult: 0 } }\n" + kLoss).empty());
}

TEST_CASE("nothing is refused where nothing would be missed") {
  CHECK(refusal(kDeaf).empty());  // no loss depends on it
  CHECK(refusal("layer { name: 'deaf' type: 'TanH' bottom: 'x' top: 'y' }\n" + kLoss).empty());
  CHECK(refusal("layer { name: 'deaf' type: 'TanH' bottom: 'h' top: 'y' propagate_down: false }\n" +
                kLoss)
            .empty());
  // A view needs no backward of its own.
  CHECK(refusal("layer { name: 'flat' type: 'Flatten' bottom: 'h' top: 'y' }\n" + kLoss).empty());
  // As labels, into which no gradient goes.
  CHECK(refusal("layer { name: 'deaf' type: 'TanH' bottom: 'h' top: 'y' }\n"
                "layer { name: 'loss' type: 'SigmoidCrossEntropyLoss' bottom: 'h' bottom: 'y' }\n")
            .empty());
}

}  // namespace dlrun::test
