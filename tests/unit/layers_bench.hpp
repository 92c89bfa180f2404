// A bench for layers: small nets of the built plugins, on the cpu device with its operators or
// without them, so that layers run their portable kernels.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/net/net.hpp"
#include "tests/unit/plugin_bench.hpp"

namespace dlrun::test {

enum class Operators { kOfDevice, kNone };

class LayersBench : public PluginBench {
 public:
  explicit LayersBench(Operators operators) : PluginBench(libraries()) {
    type_ = type<dlr_device_type>("device", "cpu");
    if (operators == Operators::kNone) type_.plan = nullptr;
    dlr_device_options options{};
    options.size = sizeof options;
    options.threads = 2;
    devices_.host = std::make_shared<memory::Device>("cpu", type_, 0, options);
    devices_.primary = devices_.host;
  }

  // Ready to run. `options.state` and so on as the test wants them.
  std::unique_ptr<net::Net> make_net(const std::string& prototxt, const net::NetOptions& options) {
    auto net = std::make_unique<net::Net>(parse_net(prototxt), *this, options);
    net->prepare(devices_);
    return net;
  }

 private:
  // Every plugin of the build but devices, of which the tests want the reference only.
  static std::vector<std::string> libraries() {
    std::vector<std::string> libraries = {"device_cpu"};
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(DLRUN_BUILD_ROOT) + "/plugins")) {
      const std::string name = entry.path().stem().string();
      if (entry.path().extension() == ".so" && name.rfind("device_", 0) != 0)
        libraries.push_back(name);
    }
    return libraries;
  }

  dlr_device_type type_;
  net::Devices devices_;
};

// The values of a tensor of a net of any type, as doubles.
inline std::vector<double> values_of(net::Net& net, const dlr_tensor& tensor) {
  const auto count = static_cast<size_t>(memory::element_count(tensor.desc));
  if (tensor.desc.dtype == DLR_F64) {
    std::vector<double> values(count);
    net.read(tensor, values.data());
    return values;
  }
  std::vector<float> values(count);
  net.read(tensor, values.data());
  return {values.begin(), values.end()};
}

inline void set_values(net::Net& net, dlr_tensor& tensor, const std::vector<double>& values) {
  if (tensor.desc.dtype == DLR_F64) return net.write(tensor, values.data());
  const std::vector<float> floats(values.begin(), values.end());
  net.write(tensor, floats.data());
}

}  // namespace dlrun::test
