// Cases of layers: data, read from YAML (sdk/conform/layers.yaml explains the fields), and the
// small nets made of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dlrun::conform {

struct LayerCase {
  std::string layer;  // the type under test
  std::string name;
  std::vector<std::string> inputs;  // shapes, "2 3 4"; "labels 2 3" holds whole numbers from 0 to 2
  std::string fields;               // of the layer, but for bottoms and name
  double offset = 0;                // of the inputs, which else lie in (-1, 1)
  bool in_place = false;            // the only top is bottom 0
  std::vector<std::string> no_gradient;  // tops that have none
  bool forces_backward = true;           // else parameters alone get gradients
  bool is_training = true;               // else the net's phase is TEST
  std::string called = "tested";         // the layer's name in the net
  bool is_of_net = false;  // has the shapes of a real net: only what depends on shapes is checked
};

// `file` is for messages. Wrong input throws base::Error.
std::vector<LayerCase> parse_layer_cases(const std::string& yaml, const std::string& file);
// Those that come with dlrun.
std::vector<LayerCase> builtin_layer_cases();
std::vector<LayerCase> cases_of_layer(const std::vector<LayerCase>& cases,
                                      const std::string& layer);

// Cases to try for a layer that has none: one input of several shapes for each bottom, no fields.
std::vector<LayerCase> default_cases(const std::string& layer, int32_t min_bottoms,
                                     int32_t max_bottoms, int32_t min_tops);

// The case in phase TEST, where a layer may have no backward: no gradients are wanted.
LayerCase in_test(LayerCase c);

bool is_labels(const std::string& input);

enum class Inputs {
  kDirect,
  kCopied,  // by a layer between, so that the tested one may overwrite them; so are the tops
};

// The layer under test behind its inputs, which are the first layers and values of the net.
std::string net_of(const LayerCase& layer_case, Inputs how = Inputs::kDirect);

}  // namespace dlrun::conform
