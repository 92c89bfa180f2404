// A bench for layers: small nets of the built plugins, on the cpu device with its operators or
// without them, so that layers run their portable kernels.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/conform/ground.hpp"
#include "core/conform/values.hpp"
#include "core/net/net.hpp"
#include "tests/unit/plugin_bench.hpp"
#include "tests/unit/roots.hpp"

namespace dlrun::test {

enum class Operators { kOfDevice, kNone };

class LayersBench : public PluginBench {
 public:
  explicit LayersBench(Operators operators) : PluginBench(libraries()) {
    cpu_ = type<dlr_device_type>("device", "cpu");
    if (operators == Operators::kNone) cpu_.plan = nullptr;
    devices_.host = open_device("cpu", cpu_);
    devices_.primary = devices_.host;
  }

  // Whether the build has that device and the machine too. `library`: below the build's folder of
  // plugins, where it isn't the one of that name.
  static bool has_device(const std::string& name, const std::string& library = "") {
    if (!std::filesystem::exists(folder() + "/" + library_of(name, library) + ".so")) return false;
    PluginBench bench({library_of(name, library)});
    uint64_t count = 0;
    dlr_string reason{};
    host::check(bench.type<dlr_device_type>("device", name).count(&count, &reason));
    return count > 0;
  }
  // Runs on another device of the build, the cpu device being the host's.
  explicit LayersBench(const std::string& device, const std::string& library = "")
      : LayersBench(Operators::kOfDevice) {
    other_ = std::make_unique<PluginBench>(std::vector<std::string>{library_of(device, library)});
    devices_.primary = open_device(device, other_->type<dlr_device_type>("device", device));
  }
  const net::Devices& devices() const { return devices_; }
  conform::Ground ground() { return {*this, *this, devices_, ""}; }

  // Ready to run. `options.state` and so on as the test wants them.
  std::unique_ptr<net::Net> make_net(const std::string& prototxt, const net::NetOptions& options) {
    auto net = std::make_unique<net::Net>(parse_net(prototxt), *this, options);
    net->prepare(devices_);
    return net;
  }

 private:
  static std::string library_of(const std::string& device, const std::string& library) {
    return library.empty() ? "device_" + device : library;
  }
  static std::string folder() { return build_root() + "/plugins"; }

  // Every plugin of the build but devices, of which most tests want the reference only.
  static std::vector<std::string> libraries() {
    std::vector<std::string> libraries = {"device_cpu"};
    for (const auto& entry : std::filesystem::directory_iterator(folder())) {
      const std::string name = entry.path().stem().string();
      if (entry.path().extension() == ".so" && name.rfind("device_", 0) != 0)
        libraries.push_back(name);
    }
    return libraries;
  }

  static std::shared_ptr<memory::Device> open_device(const std::string& name,
                                                     const dlr_device_type& type) {
    dlr_device_options options{};
    options.size = sizeof options;
    options.threads = 2;
    return std::make_shared<memory::Device>(name, type, 0, options);
  }

  dlr_device_type cpu_;
  std::unique_ptr<PluginBench> other_;
  net::Devices devices_;
};

using conform::set_values;
using conform::values_of;

}  // namespace dlrun::test
