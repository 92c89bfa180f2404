#include "core/train/devices.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "core/base/error.hpp"
#include "core/base/suggest.hpp"
#include "core/host/error.hpp"

namespace dlrun::train {
namespace {

std::string device_name(const std::string& kind, uint64_t index) {
  return index == 0 ? kind : fmt::format("{}:{}", kind, index);
}

class Opener {
 public:
  Opener(net::Catalogue& catalogue, const std::vector<DeviceKind>& kinds,
         const DeviceChoice& choice)
      : catalogue_(catalogue), kinds_(kinds), choice_(choice) {
    std::stable_sort(kinds_.begin(), kinds_.end(),
                     [](const auto& a, const auto& b) { return a.score > b.score; });
  }

  std::shared_ptr<memory::Device> open_host() {
    const auto host = std::find_if(kinds_.begin(), kinds_.end(),
                                   [](const DeviceKind& kind) { return kind.is_host; });
    if (host == kinds_.end()) {
      base::fail_work(
          "no plugin provides a host device (dlrun's own is 'cpu'); see `dlrun plugins list` for "
          "where plugins are "
          "looked for");
    }
    host_name_ = host->name;
    return open(host->name, 0);
  }

  std::shared_ptr<memory::Device> open_named(const std::string& written,
                                             const std::shared_ptr<memory::Device>& host) {
    const auto [name, index] = parse(written);
    if (host != nullptr && name == host_name_ && index == 0) return host;
    std::string reason;
    const uint64_t n = count(name, &reason);
    if (n == 0)
      base::fail_work(
          fmt::format("device '{}' is installed but finds no device: {}", name, reason));
    if (index >= n)
      base::fail_input(
          fmt::format("there is no device '{}': '{}' has {} (from 0)", written, name, n));
    return open(name, index);
  }

  // What the opened device will be called.
  std::string name_of(const std::string& written) {
    const auto [name, index] = parse(written);
    return device_name(name, index);
  }

  std::shared_ptr<memory::Device> open_best(const std::shared_ptr<memory::Device>& host,
                                            std::vector<std::string>* reasons) {
    for (const DeviceKind& kind : kinds_) {
      if (kind.score < 0) continue;
      if (kind.is_host) return host;
      std::string reason;
      try {
        if (count(kind.name, &reason) > 0) {
          std::shared_ptr<memory::Device> device = open(kind.name, 0);
          if (!choice_.host_memory_only || device->works_in_host_memory()) return device;
          reason = "solver_mode CPU wants a device in host memory";
        }
      } catch (const base::Error& error) {
        reason = error.what();
      }
      if (reasons != nullptr) reasons->push_back(fmt::format("{}: {}", kind.name, reason));
    }
    return host;
  }

 private:
  std::pair<std::string, uint64_t> parse(const std::string& written) {
    const size_t colon = written.find(':');
    const std::string name = known_name(written, written.substr(0, colon));
    if (colon == std::string::npos) return {name, 0};
    const char* const begin = written.data() + colon + 1;
    const char* const end = written.data() + written.size();
    uint64_t index = 0;
    const auto [stop, error] = std::from_chars(begin, end, index);
    if (error != std::errc() || stop != end)
      base::fail_input(fmt::format("device '{}': expected NAME or NAME:NUMBER", written));
    return {name, index};
  }

  // What the device is called here: a full name is shortened where nobody else has the short one.
  // Several plugins' is an error, unless a lock file chose one.
  std::string known_name(const std::string& written, const std::string& name) {
    std::vector<std::string> names = {"auto"};
    for (const DeviceKind& kind : kinds_) {
      if (kind.name == name || kind.full_name == name) return kind.name;
      names.push_back(kind.name);
    }
    if (catalogue_.has("device", name)) {
      type(name);
      return name;
    }
    std::string suspects = catalogue_.suspects("device", name);
    if (!suspects.empty()) {
      suspects.pop_back();  // the end of its last line
      suspects.insert(0, "\n");
    }
    base::fail_input(fmt::format("unknown device '{}'{}; known are {}{}", written,
                                 base::did_you_mean(name, names), fmt::join(names, ", "),
                                 suspects));
  }

  const dlr_device_type& type(const std::string& name) {
    return catalogue_.get<dlr_device_type>("device", name, {}, "");
  }

  uint64_t count(const std::string& name, std::string* reason) {
    uint64_t n = 0;
    dlr_string why{"", 0};
    host::check(type(name).count(&n, &why), fmt::format("device '{}': ", name));
    *reason = host::from_abi(why);
    return n;
  }

  std::shared_ptr<memory::Device> open(const std::string& name, uint64_t index) {
    dlr_device_options options{};
    options.size = sizeof options;
    options.threads = static_cast<uint64_t>(std::max(choice_.threads, 0));
    options.isa = host::to_abi(choice_.isa);
    return open_device(catalogue_, name, index, options);
  }

  net::Catalogue& catalogue_;
  std::vector<DeviceKind> kinds_;
  const DeviceChoice& choice_;
  std::string host_name_;
};

// Null when the plugin has none that is whole.
const dlr_profiler_type* profiler_of(const dlr_plugin* plugin) {
  if (plugin == nullptr || !DLR_HAS(plugin, get_interface) || plugin->get_interface == nullptr)
    return nullptr;
  const auto* profiler =
      static_cast<const dlr_profiler_type*>(plugin->get_interface(host::to_abi(DLR_PROFILER_ID)));
  return profiler != nullptr && DLR_HAS(profiler, end) ? profiler : nullptr;
}

}  // namespace

std::shared_ptr<memory::Device> open_device(net::Catalogue& catalogue, const std::string& kind,
                                            uint64_t index, const dlr_device_options& options) {
  const net::Provided provided =
      catalogue.load("device", kind, {}, fmt::format("device '{}': ", kind));
  return std::make_shared<memory::Device>(device_name(kind, index),
                                          *static_cast<const dlr_device_type*>(provided.type),
                                          index, options, profiler_of(provided.plugin));
}

net::Devices open_devices(net::Catalogue& catalogue, const std::vector<DeviceKind>& kinds,
                          const DeviceChoice& choice, std::vector<std::string>* reasons) {
  Opener opener(catalogue, kinds, choice);
  net::Devices devices;
  devices.host = opener.open_host();
  devices.primary = choice.device == "auto" ? opener.open_best(devices.host, reasons)
                                            : opener.open_named(choice.device, devices.host);
  return devices;
}

void require_known_device(net::Catalogue& catalogue, const std::vector<DeviceKind>& kinds,
                          const std::string& name) {
  if (name != "auto") Opener(catalogue, kinds, {}).name_of(name);
}

std::shared_ptr<memory::Device> open_named_device(net::Catalogue& catalogue,
                                                  const std::vector<DeviceKind>& kinds,
                                                  const DeviceChoice& choice,
                                                  const std::string& name,
                                                  const net::Devices& devices) {
  if (name == "auto") return devices.primary;
  Opener opener(catalogue, kinds, choice);
  const std::string opened = opener.name_of(name);
  if (opened == devices.primary->name()) return devices.primary;
  if (opened == devices.host->name()) return devices.host;
  for (const auto& [unused, device] : devices.named) {
    if (device->name() == opened) return device;
  }
  return opener.open_named(name, nullptr);
}

}  // namespace dlrun::train
