#include "core/train/session.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

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
      if (provided.kind == "device")
        kinds.push_back({provided.name, provided.score, provided.is_host});
    }
  }
  return kinds;
}

registry::SearchOptions with_config_plugins(const registry::SearchOptions& options,
                                            const std::string& config,
                                            const std::vector<std::string>& overrides) {
  registry::SearchOptions search = options;
  search.config_file = config;
  const config::PluginSettings settings = config::read_plugin_settings(config, {overrides});
  search.config_plugins = settings.plugins;
  if (search.plugin_path.empty()) search.plugin_path = settings.plugin_path;
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
  if (options_.device.empty()) options_.device = job_.root ? job_.root.text("device") : "auto";
  if (options_.fallback.empty() && job_.root && job_.root.has("fallback"))
    options_.fallback = job_.root.text("fallback");
}

const net::Devices& Session::devices() {
  if (devices_.host != nullptr) return devices_;
  DeviceChoice choice;
  choice.device = options_.device;
  choice.threads = threads_;
  choice.isa = options_.isa;
  const bool says_mode = job_.has_solver && job_.solver.has("solver_mode");
  choice.host_memory_only = says_mode && job_.solver.text("solver_mode") == "CPU";
  devices_ = open_devices(catalogue(), plugins_->device_kinds(), choice);
  if (says_mode && !choice.host_memory_only && choice.device == "auto" &&
      devices_.primary->works_in_host_memory()) {
    spdlog::info("solver_mode GPU: no GPU device was found, computing on '{}'",
                 devices_.primary->name());
  }
  if (job_.train_net) open_devices_of_layers(job_.train_net, choice);
  for (const config::Node& net : job_.test_nets)
    open_devices_of_layers(net, choice);
  return devices_;
}

void Session::open_devices_of_layers(const config::Node& net, const DeviceChoice& choice) {
  for (const config::Node& layer : net.messages("layer")) {
    if (!layer.has("device")) continue;
    const std::string name = layer.text("device");
    try {
      devices_.named[name] =
          open_named_device(catalogue(), plugins_->device_kinds(), choice, name, devices_);
    } catch (const base::Error& error) {
      throw base::Error(error.code(), layer.where("device"), layer.subject() + error.what());
    }
  }
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
