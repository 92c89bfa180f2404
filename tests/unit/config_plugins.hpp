// The plugins that the tests of core/config pretend to have: names and schemas, nothing behind
// them.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/config/load.hpp"

namespace dlrun::config::test {

struct FakePlugin {
  std::string kind;
  std::string name;
  std::string schema;
};

inline std::vector<FakePlugin> usual_plugins() {
  const std::string convolution = R"(
      message ConvolutionParameter {
        enum Engine { DEFAULT = 0; CAFFE = 1; CUDNN = 2; }
        optional uint32 num_output = 1 [(dlrun.help) = "filters", (dlrun.min) = 1];
        optional bool bias_term = 2 [default = true];
        repeated uint32 pad = 3;
        repeated uint32 kernel_size = 4;
        optional uint32 group = 5 [default = 1];
        repeated uint32 stride = 6;
        optional FillerParameter weight_filler = 7;
        optional FillerParameter bias_filler = 8;
        optional Engine engine = 15 [default = DEFAULT];
        optional int32 axis = 16 [default = 1];
      }
      extend LayerParameter { optional ConvolutionParameter convolution_param = 106; })";
  return {
      {"layer", "Convolution", convolution},
      {"layer", "Deconvolution", convolution},
      {"layer", "InnerProduct",
       R"(message InnerProductParameter {
            optional uint32 num_output = 1;
            optional bool bias_term = 2 [default = true];
            optional FillerParameter weight_filler = 3;
            optional FillerParameter bias_filler = 4;
          }
          extend LayerParameter { optional InnerProductParameter inner_product_param = 117; })"},
      {"layer", "Pooling",
       R"(message PoolingParameter {
            enum PoolMethod { MAX = 0; AVE = 1; STOCHASTIC = 2; }
            optional PoolMethod pool = 1 [default = MAX];
            optional uint32 kernel_size = 2;
            optional uint32 stride = 3 [default = 1];
            optional uint32 pad = 4;
          }
          extend LayerParameter { optional PoolingParameter pooling_param = 121; })"},
      {"layer", "Clip",
       R"(message ClipParameter { required float min = 1; required float max = 2; }
          extend LayerParameter { optional ClipParameter clip_param = 148; })"},
      {"layer", "Swish",
       R"(message SwishParameter {
            optional float beta = 1 [default = 1, (dlrun.min) = 0, (dlrun.max) = 10];
            optional double exact = 2;
            optional int64 wide = 3;
            optional uint64 wider = 4;
            repeated bool flags = 5;
            optional bytes raw = 6;
          }
          extend LayerParameter { optional SwishParameter swish_param = 147; })"},
      {"source", "Data",
       R"(message DataParameter {
            enum DB { LEVELDB = 0; LMDB = 1; }
            optional string source = 1;
            optional uint32 batch_size = 4;
            optional DB backend = 8 [default = LEVELDB];
            optional float scale = 2;
            optional string mean_file = 3;
            optional uint32 crop_size = 5;
            optional bool mirror = 6;
          }
          extend LayerParameter { optional DataParameter data_param = 107; })"},
      {"source", "Input",
       R"(message InputParameter { repeated BlobShape shape = 1; }
          extend LayerParameter { optional InputParameter input_param = 143; })"},
      {"transform", "Rotate",
       R"(message RotateParameter { optional float degrees = 1; }
          extend TransformationParameter { optional RotateParameter rotate = 50; })"},
      {"solver", "LARS", "extend SolverParameter { optional float trust = 900; }"},
      {"filler", "noise", "extend FillerParameter { optional float amplitude = 30; }"},
      {"layer", "ReLU", ""},
      {"layer", "BatchNorm", ""},
      {"layer", "SoftmaxWithLoss", ""},
      {"solver", "SGD", ""},
      {"solver", "Adam", ""},
      {"schedule", "fixed", ""},
      {"schedule", "step", ""},
      {"filler", "constant", ""},
      {"filler", "xavier", ""},
  };
}

class FakePlugins : public SchemaSource {
 public:
  explicit FakePlugins(std::vector<FakePlugin> plugins = usual_plugins())
      : plugins_(std::move(plugins)) {}

  std::vector<PluginSchema> schemas_for(const std::vector<UsedName>& used) override {
    std::vector<PluginSchema> schemas;
    for (const FakePlugin& plugin : plugins_) {
      const bool is_used = std::any_of(used.begin(), used.end(), [&](const UsedName& name) {
        return name.kind == plugin.kind && name.name == plugin.name;
      });
      if (is_used) schemas.push_back(schema_of(plugin));
    }
    return schemas;
  }

  std::vector<PluginSchema> all_schemas() override {
    std::vector<PluginSchema> schemas;
    for (const FakePlugin& plugin : plugins_)
      schemas.push_back(schema_of(plugin));
    return schemas;
  }

  std::vector<std::string> known_names(const std::string& kind) override {
    std::vector<std::string> names;
    for (const FakePlugin& plugin : plugins_) {
      if (plugin.kind == kind) names.push_back(plugin.name);
    }
    return names;
  }

  static PluginSchema schema_of(const FakePlugin& plugin) {
    return {"test." + plugin.name, plugin.name + ".proto", plugin.schema};
  }

 private:
  std::vector<FakePlugin> plugins_;
};

// A job from a text; the file's name gives the syntax.
inline Job parse(const std::string& text, const std::string& file = "job.prototxt",
                 const std::vector<std::string>& overrides = {}) {
  FakePlugins plugins;
  return parse_job(text, file, plugins, {overrides});
}

// The message of the error that an action ends with, or "no error".
template <typename Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no error";
}

inline std::string error_in(const std::string& text, const std::string& file = "net.prototxt",
                            const std::vector<std::string>& overrides = {}) {
  return error_of([&] { parse(text, file, overrides); });
}

// "line:column" of a value.
inline std::string place(const base::Location& where) {
  return std::to_string(where.line) + ":" + std::to_string(where.column);
}

}  // namespace dlrun::config::test
