#include "shared_device.hpp"

#include <map>
#include <memory>
#include <mutex>

namespace dlrun::opencl {

namespace {

Context make_context(const FoundDevice& found) {
  const cl_context_properties properties[] = {
      CL_CONTEXT_PLATFORM, reinterpret_cast<cl_context_properties>(found.platform), 0};
  cl_int status = CL_SUCCESS;
  Context context(clCreateContext(properties, 1, &found.device, nullptr, nullptr, &status));
  check_cl(status, "clCreateContext");
  return context;
}

}  // namespace

SharedDevice::SharedDevice(const FoundDevice& found)
    : context(make_context(found)), programs(context.get(), found.device) {}

SharedDevice& shared_device(const FoundDevice& found) {
  static std::mutex mutex;
  // Never destroyed: at the end of the process the driver may be gone before.
  static auto& shared = *new std::map<cl_device_id, std::unique_ptr<SharedDevice>>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<SharedDevice>& device = shared[found.device];
  if (device == nullptr) device = std::make_unique<SharedDevice>(found);
  return *device;
}

}  // namespace dlrun::opencl
