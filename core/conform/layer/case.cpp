#include "core/conform/layer/case.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>

#include "core/base/error.hpp"
#include "core/conform/case_files.hpp"

namespace dlrun::conform {
namespace {

LayerCase read_case(const std::string& layer, const YAML::Node& node) {
  LayerCase made;
  made.layer = layer;
  made.name = node["case"].as<std::string>();
  for (const YAML::Node& input : node["inputs"])
    made.inputs.push_back(input.as<std::string>());
  made.fields = node["fields"].as<std::string>("");
  made.offset = node["offset"].as<double>(0);
  made.in_place = node["in_place"].as<bool>(false);
  for (const YAML::Node& top : node["no_gradient"])
    made.no_gradient.push_back(top.as<std::string>());
  return made;
}

// A net's own field: the format makes the layer of it.
std::string input_field(const std::string& name, const std::string& input) {
  std::string dims;
  std::istringstream sizes(is_labels(input) ? input.substr(7) : input);
  for (std::string dim; sizes >> dim;)
    dims += "dim: " + dim + " ";
  return fmt::format("input: '{}' input_shape {{ {}}} ", name, dims);
}

// The layer that hands its bottom on when it has no fields: data too, as core knows none by name.
std::string copy_layer(const std::string& from, const std::string& to) {
  static const std::string type = YAML::Load(layers_text)["copy_by"].as<std::string>();
  return fmt::format("layer {{ name: '{1}' type: '{2}' bottom: '{0}' top: '{1}' }} ", from, to,
                     type);
}

// The tops of the tested layer that are copied to NAME_out.
std::vector<std::string> copied_tops(const LayerCase& layer_case) {
  if (layer_case.in_place) return {"x0"};
  std::vector<std::string> names;
  for (const std::string name : {"y", "y2", "z"}) {
    const bool is_there = layer_case.fields.find("top: '" + name + "'") != std::string::npos;
    const auto& without = layer_case.no_gradient;
    if (is_there && std::find(without.begin(), without.end(), name) == without.end())
      names.push_back(name);
  }
  return names;
}

}  // namespace

std::vector<LayerCase> parse_layer_cases(const std::string& yaml, const std::string& file) {
  try {
    std::vector<LayerCase> cases;
    for (const auto& layer : YAML::Load(yaml)) {
      if (!layer.second.IsSequence()) continue;  // copy_by
      for (const YAML::Node& node : layer.second)
        cases.push_back(read_case(layer.first.as<std::string>(), node));
    }
    return cases;
  } catch (const YAML::Exception& error) {
    base::fail_input(
        {file, error.mark.line + 1, error.mark.column + 1},
        fmt::format("a case needs `case:` and `inputs:` as in sdk/conform/layers.yaml: {}",
                    error.msg));
  }
}

std::vector<LayerCase> builtin_layer_cases() {
  return parse_layer_cases(layers_text, "layers.yaml");
}

std::vector<LayerCase> cases_of_layer(const std::vector<LayerCase>& cases,
                                      const std::string& layer) {
  std::vector<LayerCase> own;
  std::copy_if(cases.begin(), cases.end(), std::back_inserter(own),
               [&](const LayerCase& each) { return each.layer == layer; });
  return own;
}

std::vector<LayerCase> default_cases(const std::string& layer, int32_t min_bottoms,
                                     int32_t max_bottoms, int32_t min_tops) {
  const int32_t bottoms = max_bottoms == 0 ? 0 : std::max(min_bottoms, 1);
  std::string tops;
  for (int32_t i = 0; i < std::max(min_tops, 1); ++i)
    tops += fmt::format("top: 'y{}' ", i == 0 ? "" : std::to_string(i + 1));
  std::vector<LayerCase> cases;
  for (const char* shape : {"2 3 5 4", "3 4", "1 1", "7 2 3", "2 2 3 4 3", "0 3 4", "5 7 31 17"}) {
    LayerCase made;
    made.layer = layer;
    made.name = fmt::format("default {}", shape);
    made.inputs.assign(static_cast<std::size_t>(bottoms), shape);
    made.fields = tops;
    cases.push_back(made);
  }
  return cases;
}

LayerCase in_test(LayerCase c) {
  c.name += ", in TEST";
  c.is_training = false;
  c.forces_backward = false;
  return c;
}

bool is_labels(const std::string& input) {
  return input.starts_with("labels");
}

std::string net_of(const LayerCase& layer_case, Inputs how) {
  std::string inputs;
  std::string copies;
  std::string bottoms;
  for (std::size_t i = 0; i < layer_case.inputs.size(); ++i) {
    const bool is_copied = how == Inputs::kCopied && !is_labels(layer_case.inputs[i]);
    const std::string name = "x" + std::to_string(i);
    inputs += input_field(is_copied ? name + "_in" : name, layer_case.inputs[i]);
    if (is_copied) copies += copy_layer(name + "_in", name);
    bottoms += "bottom: '" + name + "' ";
  }
  std::string net =
      fmt::format("force_backward: {} {}{}layer {{ name: '{}' type: '{}' {}{}{} }} ",
                  layer_case.forces_backward, inputs, copies, layer_case.called, layer_case.layer,
                  bottoms, layer_case.in_place ? "top: 'x0' " : "", layer_case.fields);
  if (how == Inputs::kDirect) return net;
  for (const std::string& top : copied_tops(layer_case))
    net += copy_layer(top, top + "_out");
  return net;
}

}  // namespace dlrun::conform
