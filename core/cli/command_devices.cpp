// `dlrun devices`.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/base/error.hpp"
#include "core/cli/commands.hpp"
#include "core/cli/device_level.hpp"
#include "core/cli/plugin_options.hpp"
#include "core/cli/text_table.hpp"
#include "core/host/error.hpp"
#include "core/train/session.hpp"

namespace dlrun::cli {
namespace {

using nlohmann::json;

json describe(net::Catalogue& catalogue, const train::DeviceKind& kind, uint64_t index) {
  const auto device =
      train::open_device(catalogue, kind.name, index, {sizeof(dlr_device_options), 0, {"", 0}});
  const dlr_device_info& info = device->info();
  const int level = level_of(*device);
  return {{"device", device->name()},
          {"name", host::from_abi(info.name)},
          {"driver", host::from_abi(info.driver)},
          {"memory", info.memory_bytes},
          {"largest_allocation", info.largest_allocation},
          {"float64", info.float64 != 0},
          {"level", level},
          {"level_text", level_text(*device, level)},
          {"profiler", device->has_profiler()},
          {"score", kind.score}};
}

// One that can't be opened doesn't hide the others.
json describe_or_say_why(net::Catalogue& catalogue, const train::DeviceKind& kind, uint64_t index) {
  try {
    return describe(catalogue, kind, index);
  } catch (const base::Error& error) {
    return {{"device", index == 0 ? kind.name : fmt::format("{}:{}", kind.name, index)},
            {"reason", error.what()}};
  }
}

// All devices of a kind, or the reason why there is none.
json describe_kind(net::Catalogue& catalogue, const train::DeviceKind& kind) {
  json devices = json::array();
  std::string reason;
  try {
    const auto& type = catalogue.get<dlr_device_type>("device", kind.name, {}, "");
    uint64_t n = 0;
    dlr_string why{"", 0};
    host::check(type.count(&n, &why));
    reason = host::from_abi(why);
    for (uint64_t index = 0; index < n; ++index)
      devices.push_back(describe_or_say_why(catalogue, kind, index));
  } catch (const base::Error& error) {
    reason = error.what();
  }
  if (devices.empty()) devices.push_back({{"device", kind.name}, {"reason", reason}});
  return devices;
}

// "my_chip" for device_my_chip.so: without a manifest nobody knows what the plugin calls it.
json describe_unusable(const registry::Candidate& candidate) {
  const std::string stem = candidate.file.stem().string();
  return {
      {"device", stem.substr(stem.find('_') + 1)},
      {"reason", fmt::format("{} can't be used: {}", candidate.file.string(), candidate.reason)}};
}

int list_devices(const registry::SearchOptions& options, bool as_json) {
  train::Plugins plugins(options);
  std::vector<train::DeviceKind> kinds = plugins.device_kinds();
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  json devices = json::array();
  for (const train::DeviceKind& kind : kinds) {
    for (json& device : describe_kind(plugins.catalogue(), kind))
      devices.push_back(std::move(device));
  }
  for (const registry::Candidate* candidate : plugins.registry().unusable("device"))
    devices.push_back(describe_unusable(*candidate));
  if (as_json) {
    fmt::print("{}\n", devices.dump(2, ' ', false, json::error_handler_t::replace));
    return 0;
  }
  std::vector<std::vector<std::string>> rows = {
      {"device", "what it is", ">memory", "float64", "level", "driver"}};
  for (const json& device : devices) {
    if (device.contains("reason")) {
      rows.push_back(
          {device["device"], "none: " + device["reason"].get<std::string>(), "", "", "", ""});
    } else {
      rows.push_back({device["device"], device["name"], bytes_text(device["memory"]),
                      device["float64"].get<bool>() ? "yes" : "no", device["level_text"],
                      device["driver"]});
    }
  }
  fmt::print("{}", format_table(rows));
  if (devices.empty())
    fmt::print("no device plugin is installed\n{}", plugins.registry().describe_places());
  return 0;
}

}  // namespace

Command add_devices_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("devices", "List the devices there are, and why others are missing");
  auto options = std::make_shared<registry::SearchOptions>();
  auto as_json = std::make_shared<bool>(false);
  add_plugin_options(*command, *options);
  command->add_flag("--json", *as_json, "print JSON");
  command->footer("Example:\n  dlrun devices");
  return [options, as_json] { return list_devices(*options, *as_json); };
}

}  // namespace dlrun::cli
