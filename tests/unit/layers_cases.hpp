// Small nets of one layer each, in every variant that runs other code: what tests of all layers go
// through.
#pragma once

#include <dlrun/random.h>

#include <numeric>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/layers_bench.hpp"

namespace dlrun::test {

struct Case {
  std::string name;
  std::string layer;                // the type under test
  std::vector<std::string> inputs;  // shapes, "2 3 4"; "labels 2 3" holds whole numbers from 0 to 2
  std::string fields;               // of the layer, but for bottoms and name
  double offset = 0;                // of the inputs, which else lie in (-1, 1)
  bool in_place = false;            // the only top is bottom 0
};

inline std::vector<Case> layer_cases() {
  const std::string fill =
      "weight_filler { type: 'uniform' min: -1 } bias_filler { type: 'uniform' min: -1 } ";
  const auto convolution = [&](const std::string& fields) {
    return "top: 'y' convolution_param { " + fill + fields + " }";
  };
  const auto product = [&](const std::string& fields) {
    return "top: 'y' inner_product_param { " + fill + fields + " }";
  };
  return {
      {"plain", "Convolution", {"2 3 5 4"}, convolution("num_output: 4 kernel_size: 3 pad: 1")},
      {"one dimension",
       "Convolution",
       {"2 3 6"},
       convolution("num_output: 2 kernel_size: 3 stride: 2")},
      {"three dimensions",
       "Convolution",
       {"1 2 3 4 3"},
       convolution("num_output: 2 kernel_size: 2 pad: 1")},
      {"no spatial axis", "Convolution", {"2 3"}, convolution("num_output: 2 kernel_size: 1")},
      {"groups, stride, dilation",
       "Convolution",
       {"2 4 7 6"},
       convolution("num_output: 6 kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 group: 2 pad: 1 "
                   "dilation: 2")},
      {"depthwise",
       "Convolution",
       {"2 3 4 5"},
       convolution("num_output: 3 kernel_size: 3 group: 3")},
      {"1x1", "Convolution", {"2 3 3 2"}, convolution("num_output: 4 kernel_size: 1")},
      {"strided 1x1",
       "Convolution",
       {"2 3 4 4"},
       convolution("num_output: 4 kernel_size: 1 stride: 2")},
      {"no bias",
       "Convolution",
       {"2 2 4 4"},
       convolution("num_output: 2 kernel_size: 2 bias_term: false")},
      {"axis 0", "Convolution", {"3 5 4"}, convolution("num_output: 2 kernel_size: 2 axis: 0")},
      {"two bottoms",
       "Convolution",
       {"2 3 4 4", "2 3 4 4"},
       "top: 'y2' " + convolution("num_output: 2 kernel_size: 3")},
      {"two bottoms, 1x1",
       "Convolution",
       {"2 3 2 2", "2 3 2 2"},
       "top: 'y2' " + convolution("num_output: 2 kernel_size: 1")},

      {"plain", "InnerProduct", {"3 2 4"}, product("num_output: 5")},
      {"transposed", "InnerProduct", {"3 4"}, product("num_output: 2 transpose: true")},
      {"axis 2", "InnerProduct", {"2 3 4"}, product("num_output: 2 axis: 2")},
      {"no bias", "InnerProduct", {"3 4"}, product("num_output: 2 bias_term: false")},

      {"max", "Pooling", {"2 2 5 4"}, "top: 'y' pooling_param { kernel_size: 3 stride: 2 pad: 1 }"},
      {"max with positions",
       "Pooling",
       {"2 2 5 4"},
       "top: 'y' top: 'at' pooling_param { kernel_size: 2 stride: 1 }"},
      {"max in three dimensions",
       "Pooling",
       {"1 2 3 4 3"},
       "top: 'y' pooling_param { kernel_size: 2 stride: 1 }"},
      {"max in one dimension",
       "Pooling",
       {"2 2 7"},
       "top: 'y' pooling_param { kernel_size: 3 stride: 2 }"},
      {"average",
       "Pooling",
       {"2 2 5 4"},
       "top: 'y' pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }"},
      {"average, floor",
       "Pooling",
       {"2 2 6 5"},
       "top: 'y' pooling_param { pool: AVE kernel_h: 3 kernel_w: 2 stride: 2 round_mode: FLOOR }"},
      {"average of all",
       "Pooling",
       {"2 2 3 4"},
       "top: 'y' pooling_param { pool: AVE global_pooling: true }"},
      {"stochastic",
       "Pooling",
       {"2 2 4 4"},
       "top: 'y' pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 }",
       1.5},

      {"across channels",
       "LRN",
       {"2 6 2 3"},
       "top: 'y' lrn_param { local_size: 5 alpha: 0.5 k: 2 }"},
      {"across few channels",
       "LRN",
       {"2 2 4"},
       "top: 'y' lrn_param { local_size: 5 alpha: 0.5 beta: 0.6 }"},
      {"within a channel",
       "LRN",
       {"2 2 4 5"},
       "top: 'y' lrn_param { local_size: 3 alpha: 2 norm_region: WITHIN_CHANNEL }"},

      {"plain", "ReLU", {"3 4"}, "top: 'y'"},
      {"leaky", "ReLU", {"3 4"}, "top: 'y' relu_param { negative_slope: 0.1 }"},
      {"negative slope", "ReLU", {"3 4"}, "top: 'y' relu_param { negative_slope: -0.5 }"},
      {"in place", "ReLU", {"3 4"}, "", 0, true},
      {"negative slope in place", "ReLU", {"3 4"}, "relu_param { negative_slope: -0.5 }", 0, true},
      {"plain", "Sigmoid", {"3 4"}, "top: 'y'"},
      {"in place", "Sigmoid", {"3 4"}, "", 0, true},
      {"plain", "TanH", {"3 4"}, "top: 'y'"},
      {"in place", "TanH", {"3 4"}, "", 0, true},
      {"linear", "Power", {"3 4"}, "top: 'y' power_param { scale: 3 shift: 2 }"},
      {"cube", "Power", {"3 4"}, "top: 'y' power_param { power: 3 scale: 0.5 shift: 1 }", 1.5},
      {"square root", "Power", {"3 4"}, "top: 'y' power_param { power: 0.5 shift: 0.5 }", 1.5},
      {"cube in place",
       "Power",
       {"3 4"},
       "power_param { power: 3 scale: 0.5 shift: 1 }",
       1.5,
       true},
      {"constant", "Power", {"3 4"}, "top: 'y' power_param { power: 0 }"},

      {"training", "Dropout", {"3 4"}, "top: 'y' dropout_param { dropout_ratio: 0.4 }"},
      {"training in place", "Dropout", {"3 4"}, "", 0, true},
      {"testing", "Dropout", {"3 4"}, "top: 'y' phase: TEST"},
      {"three bottoms", "Concat", {"2 3 4", "2 1 4", "2 2 4"}, "top: 'y'"},
      {"axis 0", "Concat", {"2 3", "1 3"}, "top: 'y' concat_param { axis: 0 }"},
      {"one bottom", "Concat", {"2 3"}, "top: 'y'"},
      {"sum", "Eltwise", {"2 3", "2 3", "2 3"}, "top: 'y'"},
      {"sum with factors",
       "Eltwise",
       {"2 3", "2 3"},
       "top: 'y' eltwise_param { coeff: 2 coeff: -0.5 }"},
      {"product", "Eltwise", {"2 3", "2 3", "2 3"}, "top: 'y' eltwise_param { operation: PROD }"},
      {"product by division",
       "Eltwise",
       {"2 3", "2 3"},
       "top: 'y' eltwise_param { operation: PROD stable_prod_grad: false }"},
      {"maximum", "Eltwise", {"2 6", "2 6", "2 6"}, "top: 'y' eltwise_param { operation: MAX }"},
      {"sum in place", "Eltwise", {"2 3", "2 3"}, "", 0, true},
      {"product in place", "Eltwise", {"2 3", "2 3"}, "eltwise_param { operation: PROD }", 0, true},
      {"plain", "Flatten", {"2 3 4"}, "top: 'y'"},
      {"plain", "Reshape", {"2 3 4"}, "top: 'y' reshape_param { shape { dim: 0 dim: 2 dim: -1 } }"},
      {"two tops", "Split", {"2 3"}, "top: 'y' top: 'z'"},
      {"plain", "Silence", {"2 3"}, ""},
      {"rows", "Softmax", {"3 5"}, "top: 'y'"},
      {"positions", "Softmax", {"2 3 4"}, "top: 'y' softmax_param { axis: 1 }"},
      {"in place", "Softmax", {"3 5"}, "", 0, true},

      {"rows", "SoftmaxWithLoss", {"4 3", "labels 4"}, "top: 'y'"},
      {"positions, one label ignored",
       "SoftmaxWithLoss",
       {"2 3 2 2", "labels 2 1 2 2"},
       "top: 'y' loss_param { ignore_label: 1 }"},
      {"full, with probabilities",
       "SoftmaxWithLoss",
       {"2 3 4", "labels 2 4"},
       "top: 'y' top: 'p' loss_weight: 0.5 loss_weight: 0 loss_param { normalization: FULL }"},
      {"weighted",
       "SoftmaxWithLoss",
       {"4 3", "labels 4"},
       "top: 'y' loss_weight: 2.5 loss_param { normalization: NONE }"},
      {"plain", "EuclideanLoss", {"3 4", "3 2 2"}, "top: 'y'"},
      {"weighted", "EuclideanLoss", {"3 4", "3 4"}, "top: 'y' loss_weight: 0.3"},
  };
}

// n different values in (-1, 1), none nearer than 1 / n to another or to 0: the objective has no
// kink within a step.
inline std::vector<double> spread_values(size_t n, uint64_t stream) {
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = n; i > 1; --i)
    std::swap(order[i - 1], order[dlr_random_bits({1, stream}, i) % i]);
  std::vector<double> values(n);
  for (size_t i = 0; i < n; ++i) {
    values[i] = (static_cast<double>(order[i]) + 0.5) / static_cast<double>(n) * 2 - 1;
    if (n % 2 == 1 && order[i] == n / 2) values[i] = 1.0 / static_cast<double>(n) / 2;
  }
  return values;
}

inline bool is_labels(const std::string& input) {
  return input.rfind("labels", 0) == 0;
}

enum class Inputs {
  kDirect,
  kCopied,  // by a layer between, so that the tested one may overwrite them; so are the tops
};

// The tops of the tested layer that are copied to NAME_out.
inline std::vector<std::string> copied_tops(const Case& c) {
  if (c.in_place) return {"x0"};
  std::vector<std::string> names;
  for (const std::string name : {"y", "y2", "z"}) {
    const bool is_there = c.fields.find("top: '" + name + "'") != std::string::npos;
    if (is_there && c.layer.find("Loss") == std::string::npos) names.push_back(name);
  }
  return names;
}

// The layer "tested" behind its inputs, which are the first layers and values of the net.
inline std::string net_of(const Case& c, Inputs how = Inputs::kDirect) {
  std::string inputs;
  std::string copies;
  std::string bottoms;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    const bool is_copied = how == Inputs::kCopied && !is_labels(c.inputs[i]);
    const std::string name = "x" + std::to_string(i);
    const std::string made = is_copied ? name + "_in" : name;
    std::string dims;
    std::istringstream sizes(is_labels(c.inputs[i]) ? c.inputs[i].substr(7) : c.inputs[i]);
    for (std::string dim; sizes >> dim;)
      dims += "dim: " + dim + " ";
    inputs += "layer { name: '" + made + "' type: 'Input' top: '" + made +
              "' input_param { shape { " + dims + "} } } ";
    if (is_copied)
      copies += "layer { name: '" + name + "' type: 'Power' bottom: '" + made + "' top: '" + name +
                "' } ";
    bottoms += "bottom: '" + name + "' ";
  }
  std::string net = "force_backward: true " + inputs + copies + "layer { name: 'tested' type: '" +
                    c.layer + "' " + bottoms + (c.in_place ? "top: 'x0' " : "") + c.fields + " }";
  if (how == Inputs::kDirect) return net;
  for (const std::string& top : copied_tops(c)) {
    net += " layer { name: '" + top + "_out' type: 'Power' bottom: '" + top + "' top: '" + top +
           "_out' }";
  }
  return net;
}

// Different values for every input, also between inputs; whole numbers from 0 to 2 for labels.
inline std::vector<std::vector<double>> input_values(const Case& c, const net::Net& net) {
  std::vector<std::vector<double>> inputs;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    const auto count = static_cast<size_t>(memory::element_count(net.values()[i]->data.desc));
    std::vector<double> values = spread_values(count, i);
    const double shift = c.offset + 0.2 * static_cast<double>(i) / static_cast<double>(count);
    for (size_t k = 0; k < count; ++k) {
      values[k] = is_labels(c.inputs[i]) ? static_cast<double>(k % 3) : values[k] + shift;
    }
    inputs.push_back(values);
  }
  return inputs;
}

}  // namespace dlrun::test
