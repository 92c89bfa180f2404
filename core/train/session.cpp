#include "core/train/session.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <map>
#include <random>

#include "core/base/error.hpp"
#include "core/host/host_table.hpp"

namespace dlrun::train {
namespace {

uint64_t choose_seed(const config::Node& solver) {
  if (solver && solver.has("random_seed") && solver.integer("random_seed") >= 0) {
    return static_cast<uint64_t>(solver.integer("random_seed"));
  }
  std::random_device device;
  return device();
}

net::Fallback fallback_of(const std::string& name, bool is_auto) {
  if (name == "allow" || (name.empty() && is_auto)) return net::Fallback::kAllow;
  if (name == "warn") return net::Fallback::kWarn;
  if (name == "error" || name.empty()) return net::Fallback::kError;
  base::fail_input(fmt::format("fallback '{}': expected error, warn or allow", name));
}

}  // namespace

Plugins::Plugins(const registry::SearchOptions& options) : Plugins(options, *host::host_table()) {}

Plugins::Plugins(const registry::SearchOptions& options, const dlr_host& host)
    : registry_(options), loader_(host), catalogue_(registry_, loader_) {
  for (const std::string& notice : registry_.notices())
    spdlog::warn("{}", notice);
}

Plugins::~Plugins() {
  loader_.shutdown();
}

std::vector<DeviceKind> Plugins::device_kinds() const {
  std::vector<DeviceKind> kinds;
  for (const registry::Candidate& candidate : registry_.candidates()) {
    if (candidate.manifest == nullptr || !candidate.shadowed_by.empty()) continue;
    for (const registry::ProvidedType& provided : candidate.manifest->provided) {
      if (provided.kind != "device") continue;
      kinds.push_back({provided.name, candidate.manifest->id + "/" + provided.name, provided.score,
                       provided.is_host});
    }
  }
  std::map<std::string, int> claims;
  for (const DeviceKind& kind : kinds)
    ++claims[kind.name];
  for (DeviceKind& kind : kinds) {
    if (claims[kind.name] > 1) kind.name = kind.full_name;
  }
  return kinds;
}

registry::SearchOptions with_config_plugins(const registry::SearchOptions& options,
                                            const std::string& config,
                                            const std::vector<std::string>& overrides) {
  registry::SearchOptions search = options;
  search.config_file = config;
  const config::PluginSettings settings = config::read_plugin_settings(config, {overrides});
  if (!search.plugin_path.empty()) return search;  // the command line's replaces the job's word
  search.config_plugins = settings.plugins;
  search.plugin_path = settings.plugin_path;
  return search;
}

Session::Session(const SessionOptions& options)
    : options_(options),
      plugins_(std::make_unique<Plugins>(
          with_config_plugins(options.plugins, options.config, options.overrides),
          options.host == nullptr ? *host::host_table() : *options.host)) {
  job_ = config::load_job(options_.config, plugins_->registry(), {options_.overrides});
  for (const std::string& notice : job_.document->notices())
    spdlog::info("{}", notice);
  seed_ = choose_seed(job_.has_solver ? job_.solver : config::Node());
  threads_ = options_.threads;
  if (threads_ == 0 && job_.root && job_.root.has("threads"))
    threads_ = static_cast<int>(job_.root.integer("threads"));
  if (options_.device.empty() && job_.root) {
    options_.device = job_.root.text("device");
    if (job_.root.has("device")) device_place_ = job_.root.where("device");
  }
  if (options_.device.empty()) options_.device = "auto";
  if (options_.fallback.empty() && job_.root && job_.root.has("fallback"))
    options_.fallback = job_.root.text("fallback");
}

void Session::at_place_of_device(const std::function<void()>& action) const {
  try {
    action();
  } catch (const base::Error& error) {
    throw base::Error(error.code(), device_place_, error.what());
  }
}

void Session::for_each_named_device(const std::function<void(const std::string&)>& action) const {
  const auto of_net = [&](const config::Node& net) {
    for (const config::Node& layer : net.messages("layer")) {
      if (!layer.has("device")) continue;
      try {
        action(layer.text("device"));
      } catch (const base::Error& error) {
        throw base::Error(error.code(), layer.where("device"), layer.subject() + error.what());
      }
    }
  };
  if (job_.train_net) of_net(job_.train_net);
  for (const config::Node& net : job_.test_nets)
    of_net(net);
}

void Session::require_known_devices() {
  const std::vector<DeviceKind> kinds = plugins_->device_kinds();
  const auto require = [&](const std::string& name) {
    require_known_device(catalogue(), kinds, name);
  };
  at_place_of_device([&] { require(options_.device); });
  for_each_named_device(require);
}

const net::Devices& Session::devices() {
  if (devices_.host != nullptr) return devices_;
  DeviceChoice choice;
  choice.device = options_.device;
  choice.threads = threads_;
  choice.isa = options_.isa;
  const bool says_mode = job_.has_solver && job_.solver.has("solver_mode");
  choice.host_memory_only = says_mode && job_.solver.text("solver_mode") == "CPU";
  at_place_of_device(
      [&] { devices_ = open_devices(catalogue(), plugins_->device_kinds(), choice); });
  if (says_mode && !choice.host_memory_only && choice.device == "auto" &&
      devices_.primary->works_in_host_memory()) {
    spdlog::info("solver_mode GPU: no GPU device was found, computing on '{}'",
                 devices_.primary->name());
  }
  for_each_named_device([&](const std::string& name) {
    devices_.named[name] =
        open_named_device(catalogue(), plugins_->device_kinds(), choice, name, devices_);
  });
  return devices_;
}

net::NetOptions Session::net_options(const config::Node& net, bool is_training,
                                     const config::Node& solver_state) const {
  net::NetOptions options;
  options.state.is_training = is_training;
  if (net.has("state")) net::merge(options.state, net.message("state"));
  net::merge(options.state, solver_state);
  options.seed = seed_;
  options.threads = threads_;
  if (options_.float64) options.dtype = DLR_F64;
  options.fallback = fallback_of(options_.fallback, options_.device == "auto");
  options.named_fallback = fallback_of(options_.fallback, false);
  return options;
}

}  // namespace dlrun::train
