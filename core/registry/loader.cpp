#include "core/registry/loader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.hpp"
#include "core/registry/cpu_features.hpp"
#include "core/registry/kinds.hpp"
#include "core/registry/library.hpp"

namespace dlrun::registry {
namespace {

const dlr_provided* find_provided(const dlr_plugin& entry, std::string_view interface_id,
                                  std::string_view name) {
  for (std::uint64_t i = 0; i < entry.n_provided; ++i) {
    const dlr_provided* provided = entry.provided[i];
    if (provided != nullptr && DLR_HAS(provided, type) &&
        from_plugin(provided->interface_id) == interface_id &&
        from_plugin(provided->name) == name) {
      return provided;
    }
  }
  return nullptr;
}

// A library has one state in a process, however many loaders use it: they share its one init and
// its one shutdown. So this is as global as the libraries themselves.
struct Users {
  std::mutex mutex;
  std::map<const dlr_plugin*, int> counts;
};

Users& users() {
  static Users the_users;
  return the_users;
}

// Calls the plugin's init when it has no user yet.
void begin_use(const Plugin& plugin, const dlr_host& host) {
  const std::lock_guard lock(users().mutex);
  const dlr_plugin& entry = plugin.entry();
  int& count = users().counts[&entry];
  if (count == 0 && DLR_HAS(&entry, init) && entry.init != nullptr) {
    const std::string folder = plugin.manifest().file.parent_path().string();
    if (dlr_error* error = entry.init(&host, {folder.data(), folder.size()})) {
      const std::string message(from_plugin(host.error_message(error)));
      host.error_free(error);
      base::fail_work("its init failed: " + message);
    }
  }
  ++count;
}

// Calls the plugin's shutdown when this was its last user.
void end_use(const Plugin& plugin) {
  const std::lock_guard lock(users().mutex);
  const dlr_plugin& entry = plugin.entry();
  if (--users().counts[&entry] > 0) return;
  if (DLR_HAS(&entry, shutdown) && entry.shutdown != nullptr) entry.shutdown();
}

}  // namespace

const void* Plugin::untyped(const std::string& kind, const std::string& name) const {
  const std::string_view interface_id = interface_of(kind);
  const dlr_provided* provided = find_provided(*entry_, interface_id, name);
  const std::string file = manifest_->file.string();
  if (provided == nullptr) {
    base::fail_work(
        fmt::format("{} provides no {} '{}', although its manifest says so; make that anew with "
                    "`dlrun manifest {}`",
                    file, kind, name, file));
  }
  const std::string trouble = check_type(interface_id, provided->type);
  if (!trouble.empty())
    base::fail_work(fmt::format("{}: its {} '{}' {}", file, kind, name, trouble));
  return provided->type;
}

std::shared_ptr<const Plugin> Loader::load(const std::shared_ptr<const Manifest>& manifest) {
  const std::lock_guard lock(mutex_);
  if (is_shut_down_) base::fail_work("no plugin can be loaded any more: they were shut down");
  const auto [slot, is_new] = slots_.try_emplace(manifest->file);
  if (is_new) {
    try {
      slot->second.plugin = open(manifest);
      in_order_.push_back(slot->second.plugin);
    } catch (const base::Error& error) {
      slot->second.reason = error.what();
    }
  }
  if (slot->second.plugin) return slot->second.plugin;
  base::fail_work(
      fmt::format("cannot load the plugin {}: {}", manifest->file.string(), slot->second.reason));
}

std::shared_ptr<const Plugin> Loader::open(const std::shared_ptr<const Manifest>& manifest) {
  const std::string lacking = check_cpu(manifest->needs_cpu);
  if (!lacking.empty()) base::fail_work(lacking);
  std::error_code ignored;
  if (std::filesystem::file_size(manifest->file, ignored) != manifest->bytes) {
    base::fail_work("the file was changed or removed since dlrun started; start again");
  }
  const Library library = open_library(manifest->file);
  const std::string_view id = from_plugin(library.entry->id);
  if (id != manifest->id) {
    base::fail_work(
        fmt::format("it is the plugin '{}', but was known as '{}'; was the file just replaced?", id,
                    manifest->id));
  }
  auto plugin = std::make_shared<const Plugin>(manifest, *library.entry);
  begin_use(*plugin, *host_);
  return plugin;
}

void Loader::shutdown() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(is_shut_down_, true)) return;
  std::for_each(in_order_.rbegin(), in_order_.rend(),
                [](const std::shared_ptr<const Plugin>& plugin) { end_use(*plugin); });
}

}  // namespace dlrun::registry
