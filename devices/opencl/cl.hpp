// OpenCL's C interface, its handles as owning values and its status codes as errors.
#pragma once

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlrun/error.hpp>

#include <string>
#include <utility>
#include <vector>

namespace dlrun::opencl {

// "CL_OUT_OF_RESOURCES (-5)"
std::string status_name(cl_int status);

// Throws when a call of OpenCL's failed; `call` is its name.
void check_cl(cl_int status, const char* call);

// One reference to an OpenCL object.
template <class T, cl_int (*Release)(T)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T handle) : handle_(handle) {}
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Handle() {
    if (handle_ != nullptr) Release(handle_);
  }
  T get() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }

 private:
  T handle_ = nullptr;
};

using Context = Handle<cl_context, clReleaseContext>;
using Queue = Handle<cl_command_queue, clReleaseCommandQueue>;
using Program = Handle<cl_program, clReleaseProgram>;
using Kernel = Handle<cl_kernel, clReleaseKernel>;
using Buffer = Handle<cl_mem, clReleaseMemObject>;
using Event = Handle<cl_event, clReleaseEvent>;

// A fact of fixed size.
template <class T>
T device_fact(cl_device_id device, cl_device_info what) {
  T value{};
  check_cl(clGetDeviceInfo(device, what, sizeof value, &value, nullptr), "clGetDeviceInfo");
  return value;
}
// When a finished command of a queue with profiling reached a point, in nanoseconds of the device's
// clock.
cl_ulong event_time(cl_event event, cl_profiling_info point);
std::string device_text(cl_device_id device, cl_device_info what);
std::string platform_text(cl_platform_id platform, cl_platform_info what);

}  // namespace dlrun::opencl
