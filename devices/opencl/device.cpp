// Finding and opening devices, and their memory.
#include "device.hpp"

#include <dlrun/device.hpp>

#include <algorithm>
#include <cstdio>

#include "shared_device.hpp"
#include "transfer.hpp"

namespace dlrun::opencl {

namespace {

constexpr cl_int kNoPlatform = -1001;  // CL_PLATFORM_NOT_FOUND_KHR, of the loader

std::vector<cl_platform_id> find_platforms() {
  cl_uint count = 0;
  const cl_int status = clGetPlatformIDs(0, nullptr, &count);
  if (status == kNoPlatform || count == 0) return {};
  check_cl(status, "clGetPlatformIDs");
  std::vector<cl_platform_id> platforms(count);
  check_cl(clGetPlatformIDs(count, platforms.data(), nullptr), "clGetPlatformIDs");
  return platforms;
}

std::vector<cl_device_id> devices_of(cl_platform_id platform) {
  cl_uint count = 0;
  if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &count) != CL_SUCCESS || count == 0)
    return {};
  std::vector<cl_device_id> devices(count);
  check_cl(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, devices.data(), nullptr),
           "clGetDeviceIDs");
  return devices;
}

// Why a device can't be used; empty when it can.
std::string unusable(cl_device_id device) {
  if (!device_fact<cl_bool>(device, CL_DEVICE_AVAILABLE)) return "isn't available";
  if (!device_fact<cl_bool>(device, CL_DEVICE_COMPILER_AVAILABLE)) return "has no compiler";
  const std::string version = device_text(device, CL_DEVICE_VERSION);
  int major = 0;
  int minor = 0;
  std::sscanf(version.c_str(), "OpenCL %d.%d", &major, &minor);
  return major * 10 + minor < 12 ? "has '" + version + "', not 1.2 or later" : std::string();
}

// Kernels in double precision also add atomically, which takes 64-bit atomics.
bool has_float64(cl_device_id device) {
  return device_fact<cl_device_fp_config>(device, CL_DEVICE_DOUBLE_FP_CONFIG) != 0 &&
         device_text(device, CL_DEVICE_EXTENSIONS).find("cl_khr_int64_base_atomics") !=
             std::string::npos;
}

}  // namespace

std::vector<FoundDevice> find_devices(std::string* reason) {
  std::vector<FoundDevice> found;
  const std::vector<cl_platform_id> platforms = find_platforms();
  *reason =
      platforms.empty()
          ? "no OpenCL platform: install a driver for your device, or pocl-opencl-icd for the CPU"
          : "the OpenCL platforms have no device";
  for (const cl_platform_id platform : platforms) {
    for (const cl_device_id device : devices_of(platform)) {
      const std::string why = unusable(device);
      if (why.empty()) {
        found.push_back({platform, device});
      } else {
        *reason = "OpenCL device '" + device_text(device, CL_DEVICE_NAME) + "' " + why;
      }
    }
  }
  if (!found.empty()) reason->clear();
  return found;
}

Device::Device(const FoundDevice& found)
    : device_(found.device),
      name_(device_text(found.device, CL_DEVICE_NAME)),
      driver_(platform_text(found.platform, CL_PLATFORM_NAME) + " " +
              device_text(found.device, CL_DRIVER_VERSION)),
      float64_(has_float64(found.device)),
      shared_(shared_device(found)),
      own_stream_(shared_.context.get(), found.device) {}

void Device::info(dlr_device_info& out) const {
  out.name = to_abi(name_);
  out.driver = to_abi(driver_);
  out.memory_bytes = device_fact<cl_ulong>(device_, CL_DEVICE_GLOBAL_MEM_SIZE);
  out.alignment = device_fact<cl_uint>(device_, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8;
  out.largest_allocation = device_fact<cl_ulong>(device_, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  out.host_memory = 0;
  out.float64 = float64_;
}

dlr_mem Device::allocate(uint64_t bytes) {
  cl_int status = CL_SUCCESS;
  const cl_mem buffer = clCreateBuffer(shared_.context.get(), CL_MEM_READ_WRITE,
                                       std::max<uint64_t>(bytes, 1), nullptr, &status);
  if (status == CL_INVALID_BUFFER_SIZE) {
    throw Error("an allocation of " + std::to_string(bytes) +
                    " bytes is more than the device's largest, " +
                    std::to_string(device_fact<cl_ulong>(device_, CL_DEVICE_MAX_MEM_ALLOC_SIZE)),
                DLR_OUT_OF_MEMORY);
  }
  check_cl(status, "clCreateBuffer");
  return {space(), reinterpret_cast<uintptr_t>(buffer), 0, bytes};
}

void Device::release(const dlr_mem& mem) {
  if (mem.handle != 0) clReleaseMemObject(buffer_of(mem, space()));
}

std::unique_ptr<Stream> Device::make_stream() {
  auto stream = std::make_unique<Stream>(shared_.context.get(), device_);
  if (is_timing_) stream->begin_timing();
  streams_.push_back(stream.get());
  return stream;
}

void Device::forget(Stream* stream) {
  streams_.erase(std::find(streams_.begin(), streams_.end(), stream));
}

template <class Work>
void Device::for_all_streams(Work&& work) {
  work(own_stream_, 0);
  for (size_t i = 0; i < streams_.size(); ++i)
    work(*streams_[i], i + 1);
}

void Device::finish_all() {
  for_all_streams([](Stream& stream, uint64_t) { stream.finish(); });
}

void Device::begin_timing() {
  for_all_streams([](Stream& stream, uint64_t) { stream.begin_timing(); });
  is_timing_ = true;
}

void Device::end_timing() {
  is_timing_ = false;
  for_all_streams([](Stream& stream, uint64_t) { stream.end_timing(); });
}

void Device::set_label(uint64_t label) {
  for_all_streams([&](Stream& stream, uint64_t) { stream.set_label(label); });
}

// OpenCL 1.2 tells its clock of commands only.
uint64_t Device::now() {
  cl_event marker = nullptr;
  check_cl(clEnqueueMarkerWithWaitList(own_stream_.queue(), 0, nullptr, &marker),
           "clEnqueueMarkerWithWaitList");
  const Event owned(marker);
  check_cl(clWaitForEvents(1, &marker), "clWaitForEvents");
  return event_time(marker, CL_PROFILING_COMMAND_END);
}

void Device::give_spans(dlr_span_fn give, void* context) {
  finish_all();
  for_all_streams([&](Stream& stream, uint64_t number) {
    for (const Span& span : stream.take_spans()) {
      const dlr_span given{sizeof(dlr_span), to_abi(span.name), span.label,
                           number,           span.begin_ns,     span.end_ns};
      give(context, &given);
    }
  });
}

std::unique_ptr<BuiltKernel> Device::build(const dlr_kernel& kernel, uint32_t dtype,
                                           uint32_t index_bits) {
  if (dtype == DLR_F64 && !float64_) throw Declined("the device has no float64");
  if (dtype != DLR_F32 && dtype != DLR_F64)
    throw Declined("kernels are compiled for float32 and float64 only");
  return std::make_unique<BuiltKernel>(shared_.programs, device_, space(), kernel, dtype,
                                       index_bits);
}

}  // namespace dlrun::opencl
