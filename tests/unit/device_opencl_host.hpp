// device_opencl_host.hpp: opens the opencl device, and holds memory of it, for its tests.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/unit/cache_folder.hpp"
#include "tests/unit/device_plugin.hpp"
#include "tests/unit/roots.hpp"

namespace device_test {

// The library under test: the build's, or another build of it.
inline std::string opencl_library() {
  const char* other = std::getenv("DLRUN_TEST_OPENCL");
  return other != nullptr ? other : dlrun::test::build_root() + "/plugins/device_opencl.so";
}

// The first OpenCL device; absent, with a message, where there is none.
inline std::unique_ptr<DevicePlugin> open_opencl() {
  try {
    return std::make_unique<DevicePlugin>(opencl_library());
  } catch (const Refused& refused) {
    MESSAGE("skipped: ", refused.what());
    return nullptr;
  }
}

// Memory of a device, begun with the given elements.
class DeviceMemory {
 public:
  DeviceMemory(const DevicePlugin& plugin, uint64_t bytes) : plugin_(plugin) {
    check(plugin.type().allocate(plugin.device(), bytes, &mem_));
  }
  template <class T>
  DeviceMemory(const DevicePlugin& plugin, const std::vector<T>& elements)
      : DeviceMemory(plugin, elements.size() * sizeof(T)) {
    check(plugin.type().copy(plugin.device(), nullptr, mem_, host_mem(elements), mem_.bytes));
  }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  ~DeviceMemory() { plugin_.type().release(plugin_.device(), mem_); }

  dlr_mem mem() const { return mem_; }
  // From `offset` bytes behind the begin to the end.
  dlr_mem from(uint64_t offset) const {
    return {mem_.space, mem_.handle, mem_.offset + offset, mem_.bytes - offset};
  }
  template <class T>
  std::vector<T> elements() const {
    std::vector<T> elements(mem_.bytes / sizeof(T));
    check(plugin_.type().copy(plugin_.device(), nullptr, host_mem(elements), mem_, mem_.bytes));
    return elements;
  }

  template <class T>
  static dlr_mem host_mem(const std::vector<T>& elements) {
    return {DLR_SPACE_HOST, reinterpret_cast<uintptr_t>(elements.data()), 0,
            elements.size() * sizeof(T)};
  }

 private:
  const DevicePlugin& plugin_;
  dlr_mem mem_{};
};

}  // namespace device_test
