// Compiled programs: once per content, kept in memory and on disk.
#pragma once

#include <dlrun/kernel_cache.hpp>

#include <map>
#include <mutex>
#include <string>

#include "cl.hpp"

namespace dlrun::opencl {

// The programs of one device, by their text. Any thread may ask.
class ProgramStore {
 public:
  ProgramStore(cl_context context, cl_device_id device);

  // Lives as long as the store. Throws with the compiler's messages when the text doesn't compile.
  cl_program program(const std::string& text, const std::string& options);

 private:
  Program from_binary(const std::string& key, const std::string& options) const;
  Program from_text(const std::string& text, const std::string& options) const;
  void keep(const std::string& key, cl_program program) const;

  cl_context context_;
  cl_device_id device_;
  std::string device_key_;  // platform, device and versions
  KernelCache binaries_;
  std::mutex mutex_;
  std::map<std::string, Program> programs_;  // by options and text
};

}  // namespace dlrun::opencl
