// Opening plugins: once each, kept for the life of the process, shut down in reverse order on
// request.
#pragma once

#include <dlrun/abi.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/registry/manifest.hpp"

namespace dlrun::registry {

// A library that is open and initialised.
class Plugin {
 public:
  Plugin(std::shared_ptr<const Manifest> manifest, const dlr_plugin& entry)
      : manifest_(std::move(manifest)), entry_(&entry) {}

  const Manifest& manifest() const { return *manifest_; }
  const dlr_plugin& entry() const { return *entry_; }

  // The struct of something it provides, e.g. type<dlr_layer_type>("layer", "ReLU"), checked to
  // have all that is required. Throws base::Error when there is no such thing.
  template <class T>
  const T& type(const std::string& kind, const std::string& name) const {
    return *static_cast<const T*>(untyped(kind, name));
  }
  const void* untyped(const std::string& kind, const std::string& name) const;

 private:
  std::shared_ptr<const Manifest> manifest_;
  const dlr_plugin* entry_;
};

// May be called from any thread. Several loaders in a process share a plugin's one init and its one
// shutdown.
class Loader {
 public:
  // `host` must outlive the loader.
  explicit Loader(const dlr_host& host) : host_(&host) {}
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // Opens and initialises the library unless that is done. Throws base::Error (exit code 1) with
  // the reason; asked again, gives the same answer without another try.
  std::shared_ptr<const Plugin> load(const std::shared_ptr<const Manifest>& manifest);

  // When nothing of the plugins is in use any more: calls the shutdown of each that no other loader
  // uses, last loaded first. The libraries stay mapped; this loader loads nothing afterwards.
  void shutdown();

 private:
  struct Slot {
    std::shared_ptr<const Plugin> plugin;  // NULL: failed
    std::string reason;
  };
  std::shared_ptr<const Plugin> open(const std::shared_ptr<const Manifest>& manifest);

  const dlr_host* host_;
  std::mutex mutex_;
  std::map<std::filesystem::path, Slot> slots_;
  std::vector<std::shared_ptr<const Plugin>> in_order_;
  bool is_shut_down_ = false;
};

}  // namespace dlrun::registry
