// The driver's functions for devices, contexts, memory, streams and events; kernels.cpp has the
// rest.
#include <cuda.h>

#include <cstring>
#include <map>
#include <vector>

#include "control.hpp"
#include "machine.hpp"
#include "memory.hpp"

namespace cuda_double {

namespace {

constexpr const char* kPinned = "pinned memory";
constexpr const char* kMemory = "memory";

std::map<int, CUctx_st>& contexts() {
  static std::map<int, CUctx_st> contexts;
  return contexts;
}

bool is_in_use() {
  for (const auto& [device, context] : contexts()) {
    if (context.retained > 0) return true;
  }
  return false;
}

std::vector<CUcontext>& thread_contexts() {
  static thread_local std::vector<CUcontext> contexts;
  return contexts;
}

// Pinned memory and its size: what asynchronous copies may use on the host's side.
std::map<const char*, size_t>& pinned() {
  static std::map<const char*, size_t> pinned;
  return pinned;
}

void require_pinned(const void* at, size_t bytes) {
  const auto* begin = static_cast<const char*>(at);
  auto found = pinned().upper_bound(begin);
  require(found != pinned().begin(), "host memory that isn't pinned");
  --found;
  require(begin + bytes <= found->first + found->second, "host memory that isn't pinned");
}

template <class Body>
CUresult driver_call(const char* name, Body&& body) {
  return call(name, CUDA_ERROR_UNKNOWN, CUDA_ERROR_INVALID_VALUE, [&] {
    body();
    return CUDA_SUCCESS;
  });
}

// A command with the device's pieces checked when it is issued, as far as they can be.
void issue_work(const char* what, CUstream stream, std::function<void()> work) {
  issue(stream, {what, std::move(work)});
}

}  // namespace

int current_device() {
  require(!thread_contexts().empty(), "no context is current");
  return thread_contexts().back()->device;
}

}  // namespace cuda_double

using namespace cuda_double;

CUresult cuInit(unsigned flags) {
  const std::lock_guard guard(lock());
  if (!is_in_use()) read_options();
  if (call_fails()) return CUDA_ERROR_UNKNOWN;
  if (options().devices == 0) return CUDA_ERROR_NO_DEVICE;
  return flags == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuDriverGetVersion(int* version) {
  return driver_call("cuDriverGetVersion", [&] { *version = CUDA_VERSION; });
}

CUresult cuGetErrorName(CUresult status, const char** name) {
  *name = status == CUDA_ERROR_UNKNOWN           ? "CUDA_ERROR_UNKNOWN"
          : status == CUDA_ERROR_OUT_OF_MEMORY   ? "CUDA_ERROR_OUT_OF_MEMORY"
          : status == CUDA_ERROR_ILLEGAL_ADDRESS ? "CUDA_ERROR_ILLEGAL_ADDRESS"
          : status == CUDA_ERROR_INVALID_HANDLE  ? "CUDA_ERROR_INVALID_HANDLE"
          : status == CUDA_ERROR_NOT_READY       ? "CUDA_ERROR_NOT_READY"
                                                 : "CUDA_ERROR of the double";
  return CUDA_SUCCESS;
}

CUresult cuGetErrorString(CUresult status, const char** text) {
  *text = status == CUDA_ERROR_UNKNOWN ? kPlanned : "as the double's notes say";
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int* count) {
  return driver_call("cuDeviceGetCount", [&] { *count = static_cast<int>(options().devices); });
}

CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  return driver_call("cuDeviceGet", [&] {
    require(ordinal >= 0 && ordinal < static_cast<int>(options().devices), "no such device");
    *device = ordinal;
  });
}

CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
  return driver_call("cuDeviceGetName", [&] {
    std::strncpy(name, ("CUDA double " + std::to_string(device)).c_str(),
                 static_cast<size_t>(length));
  });
}

CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute what, CUdevice) {
  return driver_call("cuDeviceGetAttribute", [&] {
    const bool major = what == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
    require(major || what == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, "an unknown attribute");
    const int capability = static_cast<int>(options().capability);
    *value = major ? capability / 10 : capability % 10;
  });
}

CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice) {
  return driver_call("cuDeviceTotalMem", [&] { *bytes = options().memory; });
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  return driver_call("cuDevicePrimaryCtxRetain", [&] {
    CUctx_st& primary = contexts()[device];
    primary.device = device;
    ++primary.retained;
    *context = &primary;
  });
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  return release("cuDevicePrimaryCtxRelease", CUDA_SUCCESS, [&] {
    CUctx_st& primary = contexts()[device];
    require(primary.retained > 0, "released more often than retained");
    if (--primary.retained > 0) return;
    forget_errors(device);
    const std::string left = objects_left(is_in_use() ? device : -1);
    if (!left.empty()) note_problem("left when the last context was released: " + left);
  });
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
  return release("cuCtxPushCurrent", CUDA_SUCCESS, [&] {
    require(context != nullptr && context->retained > 0, "a context that isn't retained");
    thread_contexts().push_back(context);
  });
}

CUresult cuCtxPopCurrent_v2(CUcontext* context) {
  return release("cuCtxPopCurrent", CUDA_SUCCESS, [&] {
    require(!thread_contexts().empty(), "no context is current");
    *context = thread_contexts().back();
    thread_contexts().pop_back();
  });
}

CUresult cuMemAlloc_v2(CUdeviceptr* at, size_t bytes) {
  return call("cuMemAlloc", CUDA_ERROR_UNKNOWN, CUDA_ERROR_INVALID_VALUE, [&] {
    require(bytes > 0, "0 bytes");
    *at = allocate(current_device(), bytes);
    if (*at == 0) return CUDA_ERROR_OUT_OF_MEMORY;
    add_object(reinterpret_cast<const void*>(*at), kMemory, current_device());
    return CUDA_SUCCESS;
  });
}

CUresult cuMemFree_v2(CUdeviceptr at) {
  return release("cuMemFree", CUDA_SUCCESS, [&] {
    remove_object(reinterpret_cast<const void*>(at), kMemory);
    free_memory(current_device(), at);
  });
}

CUresult cuMemAllocHost_v2(void** at, size_t bytes) {
  return driver_call("cuMemAllocHost", [&] {
    auto* fresh = new char[bytes];
    std::memset(fresh, 0xFF, bytes);  // NaN
    pinned()[fresh] = bytes;
    add_object(fresh, kPinned, current_device());
    *at = fresh;
  });
}

CUresult cuMemFreeHost(void* at) {
  return release("cuMemFreeHost", CUDA_SUCCESS, [&] {
    remove_object(at, kPinned);
    pinned().erase(static_cast<const char*>(at));
    delete[] static_cast<char*>(at);
  });
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
  return driver_call("cuMemcpyHtoDAsync", [&] {
    const int device = current_device();
    require_pinned(from, bytes);
    real_address(device, to, bytes, 1);
    issue_work("a copy to the device", stream, [=] {
      require_pinned(from, bytes);
      std::memcpy(real_address(device, to, bytes, 1), from, bytes);
    });
  });
}

CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return driver_call("cuMemcpyDtoHAsync", [&] {
    const int device = current_device();
    require_pinned(to, bytes);
    real_address(device, from, bytes, 1);
    issue_work("a copy to the host", stream, [=] {
      require_pinned(to, bytes);
      std::memcpy(to, real_address(device, from, bytes, 1), bytes);
    });
  });
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return driver_call("cuMemcpyDtoDAsync", [&] {
    const int device = current_device();
    issue_work("a copy within the device", stream, [=] {
      std::memmove(real_address(device, to, bytes, 1), real_address(device, from, bytes, 1), bytes);
    });
  });
}

CUresult cuMemsetD8Async(CUdeviceptr at, unsigned char value, size_t count, CUstream stream) {
  return driver_call("cuMemsetD8Async", [&] {
    const int device = current_device();
    issue_work("setting bytes", stream,
               [=] { std::memset(real_address(device, at, count, 1), value, count); });
  });
}

CUresult cuMemsetD32Async(CUdeviceptr at, unsigned value, size_t count, CUstream stream) {
  return driver_call("cuMemsetD32Async", [&] {
    const int device = current_device();
    issue_work("setting words", stream, [=] {
      auto* words = reinterpret_cast<unsigned*>(real_address(device, at, count * 4, 4));
      std::fill_n(words, count, value);
    });
  });
}

CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
  return driver_call("cuStreamCreate", [&] {
    require(flags == CU_STREAM_NON_BLOCKING, "a stream that waits for the default one");
    *stream = new CUstream_st{current_device(), {}};
    add_object(*stream, kStream, current_device());
  });
}

CUresult cuStreamDestroy_v2(CUstream stream) {
  return release("cuStreamDestroy", CUDA_SUCCESS, [&] {
    require_stream(stream);
    finish(stream);
    remove_object(stream, kStream);
    delete stream;
  });
}

CUresult cuStreamSynchronize(CUstream stream) {
  return call_that_waits("cuStreamSynchronize", CUDA_ERROR_UNKNOWN, CUDA_ERROR_INVALID_VALUE, [&] {
    require_stream(stream);
    return finish(stream);
  });
}

CUresult cuEventCreate(CUevent* event, unsigned flags) {
  return driver_call("cuEventCreate", [&] {
    require(flags == CU_EVENT_DEFAULT || flags == CU_EVENT_DISABLE_TIMING, "unknown flags");
    *event = new CUevent_st{current_device(), flags == CU_EVENT_DEFAULT, nullptr};
    add_object(*event, kEvent, current_device());
  });
}

CUresult cuEventDestroy_v2(CUevent event) {
  return release("cuEventDestroy", CUDA_SUCCESS, [&] {
    remove_object(event, kEvent);
    delete event;
  });
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
  return driver_call("cuEventRecord", [&] {
    require(require_object(event, kEvent) == current_device(), "an event of another context");
    const Mark mark = std::make_shared<Point>();
    issue(stream, {"an event", [] {}, nullptr, mark});
    event->mark = mark;
  });
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags) {
  return driver_call("cuStreamWaitEvent", [&] {
    require(flags == 0, "unknown flags");
    require_object(event, kEvent);
    require(!event->takes_time, "an event that takes time, to order streams");
    require(event->mark != nullptr, "an event that was never recorded");
    issue(stream, {"waiting for an event", [] {}, event->mark});
  });
}

CUresult cuEventSynchronize(CUevent event) {
  return call_that_waits("cuEventSynchronize", CUDA_ERROR_UNKNOWN, CUDA_ERROR_INVALID_VALUE, [&] {
    require_object(event, kEvent);
    return reach(event->mark);
  });
}

// As documented: events that take no time or were never recorded are invalid handles, and what
// isn't reached isn't ready. Nobody has a use for a negative time.
CUresult cuEventElapsedTime(float* ms, CUevent begin, CUevent end) {
  return call("cuEventElapsedTime", CUDA_ERROR_UNKNOWN, CUDA_ERROR_INVALID_HANDLE, [&] {
    for (const CUevent event : {begin, end}) {
      require(require_object(event, kEvent) == current_device(), "an event of another context");
      require(event->takes_time, "an event without timing");
      require(event->mark != nullptr, "an event that was never recorded");
    }
    if (!begin->mark->is_reached || !end->mark->is_reached) return CUDA_ERROR_NOT_READY;
    require(begin->mark->ns <= end->mark->ns, "events in the wrong order");
    *ms = static_cast<float>(static_cast<double>(end->mark->ns - begin->mark->ns) / 1e6);
    return CUDA_SUCCESS;
  });
}

#ifdef cuEventElapsedTime  // stands for cuEventElapsedTime_v2; drivers export both
#undef cuEventElapsedTime
extern "C" decltype(cuEventElapsedTime_v2) cuEventElapsedTime;
CUresult cuEventElapsedTime(float* ms, CUevent begin, CUevent end) {
  return cuEventElapsedTime_v2(ms, begin, end);
}
#endif
