// A training job for tests, from a configuration's text, with the plugins of this build only.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/temporary_folder.hpp"
#include "core/train/trainer.hpp"
#include "core/train/weights.hpp"
#include "tests/unit/roots.hpp"

namespace dlrun::test {

inline std::string plugin_folder() {
  return build_root() + "/plugins";
}

// A folder that goes away with it.
class TemporaryFolder : public base::TemporaryFolder {
 public:
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path() / name) << text;
    return (path() / name).string();
  }
};

inline train::SessionOptions session_options(const std::string& config,
                                             const std::string& device = "cpu") {
  train::SessionOptions options;
  options.config = config;
  options.device = device;
  options.plugins.plugin_path = {plugin_folder()};
  return options;
}

inline std::string lenet() {
  return source_root() + "/configs/lenet-mnist.yaml";
}

// All parameters, one after the other.
inline std::vector<double> all_params(net::Net& net) {
  std::vector<double> values;
  for (const auto& param : net.params()) {
    const std::vector<double> blob = train::read_blob(net, param->data).to_doubles();
    values.insert(values.end(), blob.begin(), blob.end());
  }
  return values;
}

}  // namespace dlrun::test
