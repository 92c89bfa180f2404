// Where gradients must flow and can't: a layer without one between the loss and a layer that
// learns.
#include <doctest/doctest.h>

#include "tests/unit/layers_bench.hpp"

namespace dlrun::test {
namespace {

// The build's layers, but TanH and Scale have no gradient.
class DeafBench : public LayersBench {
 public:
  DeafBench() : LayersBench(Operators::kOfDevice) {
    for (const std::string name : {"TanH", "Scale"}) {
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

// What building a net of these layers behind an inner product says; "" when it is built.
std::string refusal(const std::string& layers, bool is_training = true) {
  DeafBench bench;
  const std::string text =
      "layer { name: 'in' type: 'Input' top: 'x' top: 't' "
      "        input_param { shape { dim: 2 dim: 3 } } }\n"
      "layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'h' "
      "        inner_product_param { num_output: 3 } }\n" +
      layers;
  net::NetOptions options;
  options.state.is_training = is_training;
  try {
    net::Net(bench.parse_net(text), bench, options);
    return "";
  } catch (const base::Error& error) {
    return error.what();
  }
}

const std::string kDeaf = "layer { name: 'deaf' type: 'TanH' bottom: 'h' top: 'y' }\n";
const std::string kLoss = "layer { name: 'loss' type: 'EuclideanLoss' bottom: 'y' bottom: 't' }\n";
const std::string kMessage =
    "layer 'deaf': type 'TanH' has no gradient, so layer 'ip' above it would never learn from the "
    "loss; `propagate_down: false` for its bottom says that this is meant";

}  // namespace

TEST_CASE("a layer without a gradient between the loss and a layer that learns is refused") {
  CHECK(refusal(kDeaf + kLoss) == "test.prototxt:3:1: " + kMessage);
}

TEST_CASE("also behind another one of its kind") {
  CHECK(refusal("layer { name: 'first' type: 'TanH' bottom: 'h' top: 'm' }\n"
                "layer { name: 'deaf' type: 'TanH' bottom: 'm' top: 'y' }\n" +
                kLoss)
            .find(kMessage) != std::string::npos);
}

TEST_CASE("a layer that learns and has no gradient is refused") {
  const std::string deaf = "layer { name: 'deaf' type: 'Scale' bottom: 'x' top: 'y' ";
  CHECK(refusal(deaf + "}\n" + kLoss)
            .find("layer 'deaf': has parameters that would never learn: type 'Scale' has no "
                  "gradient") != std::string::npos);
  CHECK(refusal(deaf + "param { lr_mult: 0 } }\n" + kLoss).empty());
}

TEST_CASE("nothing is refused where nothing would be missed") {
  CHECK(refusal(kDeaf).empty());                 // no loss depends on it
  CHECK(refusal(kDeaf + kLoss, false).empty());  // a test
  CHECK(refusal("layer { name: 'deaf' type: 'TanH' bottom: 'x' top: 'y' }\n" + kLoss).empty());
  CHECK(refusal("layer { name: 'deaf' type: 'TanH' bottom: 'h' top: 'y' propagate_down: false }\n" +
                kLoss)
            .empty());
  // As labels, into which no gradient goes.
  CHECK(refusal("layer { name: 'deaf' type: 'TanH' bottom: 'h' top: 'y' }\n"
                "layer { name: 'loss' type: 'SigmoidCrossEntropyLoss' bottom: 'h' bottom: 'y' }\n")
            .empty());
}

}  // namespace dlrun::test
