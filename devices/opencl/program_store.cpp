// Compiling, and the two caches before it.
#include "program_store.hpp"

namespace dlrun::opencl {

namespace {

std::string build_log(cl_program program, cl_device_id device) {
  size_t length = 0;
  clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, nullptr, &length);
  std::string log(length, '\0');
  clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, length, log.data(), nullptr);
  log.resize(log.find_last_not_of(std::string("\0\n ", 3)) + 1);
  return log;
}

// Whatever may make another binary of the same text.
std::string key_of(cl_device_id device) {
  const auto platform = device_fact<cl_platform_id>(device, CL_DEVICE_PLATFORM);
  std::string key;
  for (const cl_platform_info fact : {CL_PLATFORM_NAME, CL_PLATFORM_VERSION})
    key += platform_text(platform, fact) + "\n";
  for (const cl_device_info fact :
       {CL_DEVICE_NAME, CL_DEVICE_VENDOR, CL_DEVICE_VERSION, CL_DRIVER_VERSION})
    key += device_text(device, fact) + "\n";
  return key;
}

}  // namespace

ProgramStore::ProgramStore(cl_context context, cl_device_id device)
    : context_(context), device_(device), device_key_(key_of(device)) {}

cl_program ProgramStore::program(const std::string& text, const std::string& options) {
  const std::string content = options + "\n" + text;
  const std::lock_guard lock(mutex_);
  const auto known = programs_.find(content);
  if (known != programs_.end()) return known->second.get();
  const std::string key = device_key_ + content;
  Program program = from_binary(key, options);
  if (!program) {
    program = from_text(text, options);
    keep(key, program.get());
  }
  return programs_.emplace(content, std::move(program)).first->second.get();
}

// Empty when there is no such binary or the driver doesn't take it any more.
Program ProgramStore::from_binary(const std::string& key, const std::string& options) const {
  const std::optional<std::string> binary = binaries_.load(key);
  if (!binary) return {};
  const auto* bytes = reinterpret_cast<const unsigned char*>(binary->data());
  const size_t length = binary->size();
  cl_int loaded = CL_SUCCESS;
  cl_int status = CL_SUCCESS;
  Program program(
      clCreateProgramWithBinary(context_, 1, &device_, &length, &bytes, &loaded, &status));
  if (status != CL_SUCCESS || loaded != CL_SUCCESS) return {};
  if (clBuildProgram(program.get(), 1, &device_, options.c_str(), nullptr, nullptr) != CL_SUCCESS)
    return {};
  return program;
}

Program ProgramStore::from_text(const std::string& text, const std::string& options) const {
  const char* bytes = text.data();
  const size_t length = text.size();
  cl_int status = CL_SUCCESS;
  Program program(clCreateProgramWithSource(context_, 1, &bytes, &length, &status));
  check_cl(status, "clCreateProgramWithSource");
  status = clBuildProgram(program.get(), 1, &device_, options.c_str(), nullptr, nullptr);
  if (status == CL_SUCCESS) return program;
  throw Error("it doesn't compile for OpenCL (" + status_name(status) + "):\n" +
              build_log(program.get(), device_));
}

void ProgramStore::keep(const std::string& key, cl_program program) const {
  size_t length = 0;
  if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof length, &length, nullptr) !=
      CL_SUCCESS)
    return;
  std::string binary(length, '\0');
  auto* bytes = reinterpret_cast<unsigned char*>(binary.data());
  if (length == 0 ||
      clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, nullptr) != CL_SUCCESS)
    return;
  binaries_.store(key, binary);
}

}  // namespace dlrun::opencl
