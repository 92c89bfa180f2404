// What every command that works on a configuration begins with: plugins, the configuration,
// devices.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/config/load.hpp"
#include "core/net/net.hpp"
#include "core/registry/loader.hpp"
#include "core/registry/plugin_catalogue.hpp"
#include "core/registry/registry.hpp"
#include "core/train/devices.hpp"

namespace dlrun::train {

// The plugins that the configuration itself asks for come behind those of the command line.
registry::SearchOptions with_config_plugins(const registry::SearchOptions& options,
                                            const std::string& config,
                                            const std::vector<std::string>& overrides);

struct SessionOptions {
  std::string config;  // the file
  std::vector<std::string> overrides;
  registry::SearchOptions plugins;
  std::string device;    // "": the configuration's
  std::string fallback;  // "": the configuration's; "error", "warn", "allow"
  std::string isa;
  int threads = 0;  // 0: the configuration's
  bool float64 = false;
  const dlr_host* host = nullptr;  // what plugins get to know; null: the usual
};

// The plugins of one process's work: found, and opened on demand.
class Plugins {
 public:
  // `host`: what they get to know; it outlives them.
  explicit Plugins(const registry::SearchOptions& options);
  Plugins(const registry::SearchOptions& options, const dlr_host& host);
  ~Plugins();
  registry::Registry& registry() { return registry_; }
  net::Catalogue& catalogue() { return catalogue_; }
  std::vector<DeviceKind> device_kinds() const;

 private:
  registry::Registry registry_;
  registry::Loader loader_;
  registry::PluginCatalogue catalogue_;
};

class Session {
 public:
  explicit Session(const SessionOptions& options);

  const config::Job& job() const { return job_; }
  net::Catalogue& catalogue() { return plugins_->catalogue(); }
  registry::Registry& registry() { return plugins_->registry(); }
  Plugins& plugins() { return *plugins_; }

  // Opened on first use; prints a notice where the configuration wanted what isn't there.
  const net::Devices& devices();

  // An error at its place when the job or a layer names a device that no plugin has. Opens none.
  void require_known_devices();

  // The options of a net in this job: dtype, seed, threads, fallback, and the state made of phase,
  // the net's own state and `solver_state` (a NetState message; may be empty).
  net::NetOptions net_options(const config::Node& net, bool is_training,
                              const config::Node& solver_state = {}) const;
  uint64_t seed() const { return seed_; }
  // For resuming a run whose seed was drawn; before any net is made.
  void set_seed(uint64_t seed) { seed_ = seed; }
  int threads() const { return threads_; }

 private:
  // What they throw is told where the job, or the layer, names its device.
  void at_place_of_device(const std::function<void()>& action) const;
  void for_each_named_device(const std::function<void(const std::string& name)>& action) const;

  SessionOptions options_;
  std::unique_ptr<Plugins> plugins_;
  config::Job job_;
  base::Location device_place_;  // of the job's `device`, where that counts
  net::Devices devices_;
  uint64_t seed_ = 1;
  int threads_ = 0;
};

}  // namespace dlrun::train
