// Status codes and textual facts of OpenCL.
#include "cl.hpp"

namespace dlrun::opencl {

namespace {

struct StatusName {
  cl_int status;
  const char* name;
};
// Those that users meet; the others are bugs of ours, for which the number will do.
constexpr StatusName kStatusNames[] = {
    {CL_DEVICE_NOT_FOUND, "CL_DEVICE_NOT_FOUND"},
    {CL_DEVICE_NOT_AVAILABLE, "CL_DEVICE_NOT_AVAILABLE"},
    {CL_COMPILER_NOT_AVAILABLE, "CL_COMPILER_NOT_AVAILABLE"},
    {CL_MEM_OBJECT_ALLOCATION_FAILURE, "CL_MEM_OBJECT_ALLOCATION_FAILURE"},
    {CL_OUT_OF_RESOURCES, "CL_OUT_OF_RESOURCES"},
    {CL_OUT_OF_HOST_MEMORY, "CL_OUT_OF_HOST_MEMORY"},
    {CL_MEM_COPY_OVERLAP, "CL_MEM_COPY_OVERLAP"},
    {CL_BUILD_PROGRAM_FAILURE, "CL_BUILD_PROGRAM_FAILURE"},
    {CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST"},
    {CL_INVALID_VALUE, "CL_INVALID_VALUE"},
    {CL_INVALID_MEM_OBJECT, "CL_INVALID_MEM_OBJECT"},
    {CL_INVALID_BINARY, "CL_INVALID_BINARY"},
    {CL_INVALID_KERNEL_ARGS, "CL_INVALID_KERNEL_ARGS"},
    {CL_INVALID_WORK_GROUP_SIZE, "CL_INVALID_WORK_GROUP_SIZE"},
    {CL_INVALID_BUFFER_SIZE, "CL_INVALID_BUFFER_SIZE"},
    {CL_INVALID_ARG_SIZE, "CL_INVALID_ARG_SIZE"},
};

uint32_t error_code(cl_int status) {
  const bool memory = status == CL_MEM_OBJECT_ALLOCATION_FAILURE || status == CL_OUT_OF_HOST_MEMORY;
  return memory ? DLR_OUT_OF_MEMORY : DLR_DEVICE_ERROR;
}

// Text of unknown length, by a call that tells it first.
template <class Query>
std::string text_of(Query query) {
  size_t length = 0;
  query(0, nullptr, &length);
  std::string text(length, '\0');
  query(length, text.data(), nullptr);
  text.resize(text.find_last_not_of(std::string("\0 ", 2)) + 1);
  return text;
}

}  // namespace

std::string status_name(cl_int status) {
  for (const StatusName& known : kStatusNames) {
    if (known.status == status)
      return std::string(known.name) + " (" + std::to_string(status) + ")";
  }
  return "status " + std::to_string(status);
}

void check_cl(cl_int status, const char* call) {
  if (status == CL_SUCCESS) return;
  throw Error(std::string(call) + " failed: " + status_name(status), error_code(status));
}

cl_ulong event_time(cl_event event, cl_profiling_info point) {
  cl_ulong time = 0;
  check_cl(clGetEventProfilingInfo(event, point, sizeof time, &time, nullptr),
           "clGetEventProfilingInfo");
  return time;
}

std::string device_text(cl_device_id device, cl_device_info what) {
  return text_of([&](size_t length, char* to, size_t* needed) {
    check_cl(clGetDeviceInfo(device, what, length, to, needed), "clGetDeviceInfo");
  });
}

std::string platform_text(cl_platform_id platform, cl_platform_info what) {
  return text_of([&](size_t length, char* to, size_t* needed) {
    check_cl(clGetPlatformInfo(platform, what, length, to, needed), "clGetPlatformInfo");
  });
}

}  // namespace dlrun::opencl
