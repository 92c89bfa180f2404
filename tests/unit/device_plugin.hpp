// device_plugin.hpp: opens a device plugin and runs its operators, with no net around.
#pragma once

#include <dlfcn.h>
#include <dlrun/device.hpp>
#include <dlrun/operator.hpp>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace device_test {

// Core's host. Its headers can't be included beside the SDK's, where `dlrun::host` is a function
// and not a namespace.
const dlr_host& core_host();
int configured_threads();
void set_threads(int threads);

// What the plugin refused: the code and the text of its error.
class Refused : public std::runtime_error {
 public:
  explicit Refused(dlr_error* error)
      : std::runtime_error(std::string(dlrun::from_abi(core_host().error_message(error)))),
        code(core_host().error_code(error)) {
    core_host().error_free(error);
  }
  uint32_t code;
};
inline void check(dlr_error* error) {
  if (error != nullptr) throw Refused(error);
}

// Memory aligned as devices align theirs, with the guard bytes that `intact` checks behind it.
class Bytes {
 public:
  explicit Bytes(uint64_t bytes) : bytes_(bytes) {
    data_ =
        static_cast<unsigned char*>(std::aligned_alloc(64, (bytes + 64 + kGuard + 63) / 64 * 64));
    std::memset(data_, 0xFF, bytes + kGuard);  // as floats: NaN
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes() { std::free(data_); }

  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data_);
  }
  dlr_mem mem() const {
    return {DLR_SPACE_HOST, bytes_ > 0 ? reinterpret_cast<uintptr_t>(data_) : 0, 0, bytes_};
  }
  bool intact() const {
    for (uint64_t i = bytes_; i < bytes_ + kGuard; ++i) {
      if (data_[i] != 0xFF) return false;
    }
    return true;
  }

 private:
  static constexpr uint64_t kGuard = 64;
  uint64_t bytes_;
  unsigned char* data_;
};

// A plan with its own workspace; the reserve is given to run, because a pair shares it.
class Plan {
 public:
  Plan(const dlr_device_type& type, dlr_device* device, dlrun::OperatorDesc op)
      : type_(type), device_(device) {
    op.with_desc([&](dlr_op_desc& desc) {
      check(type.plan(device, &desc, &plan_));
      workspace_ = std::make_unique<Bytes>(desc.workspace_bytes);
      reserve_bytes = desc.reserve_bytes;
      accumulates = desc.accumulate_accepted != 0;
    });
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() { type_.destroy_plan(device_, plan_); }

  void run(const std::vector<dlr_mem>& args, dlr_mem reserve = {}) {
    check(type_.run(device_, nullptr, plan_, args.data(), static_cast<uint32_t>(args.size()),
                    workspace_->mem(), reserve));
    if (!workspace_->intact()) throw std::runtime_error("the operator wrote behind its workspace");
  }

  uint64_t reserve_bytes = 0;
  bool accumulates = false;

 private:
  const dlr_device_type& type_;
  dlr_device* device_;
  dlr_plan* plan_ = nullptr;
  std::unique_ptr<Bytes> workspace_;
};

// An open device of a plugin file.
class DevicePlugin {
 public:
  explicit DevicePlugin(const std::string& file, uint64_t threads = 0, std::string_view isa = "") {
    const dlr_host& host = core_host();  // first, as it sets up OpenMP
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(dlerror());
    const auto query = reinterpret_cast<dlr_plugin_query_fn>(dlsym(library, "dlrun_plugin_query"));
    const char* why = "";
    const dlr_plugin* plugin = query(DLR_ABI_MAJOR, DLR_ABI_MINOR, &why);
    if (plugin == nullptr) throw std::runtime_error(why);
    check(plugin->init(&host, {}));
    plugin_ = plugin;
    type_ = static_cast<const dlr_device_type*>(plugin->provided[0]->type);
    const dlr_device_options options{sizeof(dlr_device_options), threads, dlrun::to_abi(isa)};
    check(type_->open(0, &options, &device_));
  }
  DevicePlugin(const DevicePlugin&) = delete;
  DevicePlugin& operator=(const DevicePlugin&) = delete;
  ~DevicePlugin() { type_->close(device_); }

  std::unique_ptr<Plan> plan(const dlrun::OperatorDesc& op) const {
    return std::make_unique<Plan>(*type_, device_, op);
  }
  const void* get_interface(std::string_view id) const {
    return plugin_->get_interface == nullptr ? nullptr : plugin_->get_interface(dlrun::to_abi(id));
  }
  const dlr_device_type& type() const { return *type_; }
  dlr_device* device() const { return device_; }

 private:
  const dlr_plugin* plugin_ = nullptr;
  const dlr_device_type* type_ = nullptr;
  dlr_device* device_ = nullptr;
};

}  // namespace device_test
