// device_state.cpp: opens the device and describes it.
#include "device_state.hpp"

#include "memory.hpp"

#include <sched.h>
#include <unistd.h>

#include <fstream>

namespace dlrun::cpu {
namespace {

int64_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return std::max<int64_t>(1, sysconf(_SC_NPROCESSORS_ONLN));
}

// What the kernel calls the processor, without the core count that some vendors add: "AMD EPYC".
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) break;
    std::string name = line.substr(colon + 2);
    name.erase(name.find_last_not_of(' ') + 1);
    return name;
  }
  return "CPU";
}

}  // namespace

Device::Device(const dlr_device_options& options)
    : isa_(choose_isa(from_abi(options.isa))),
      threads_(options.threads > 0 ? static_cast<int64_t>(options.threads) : usable_cores()),
      blas_(Blas::open()) {
  name_ = processor_name() + ", " + std::to_string(threads_) +
          (threads_ == 1 ? " thread, " : " threads, ") + std::string(name_of(isa_));
}

void Device::describe(dlr_device_info& info) const {
  info.name = to_abi(name_);
  info.driver = to_abi(blas_.version());
  info.memory_bytes =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  info.alignment = kAlignment;
  info.largest_allocation = 0;
  info.host_memory = 1;
  info.float64 = 1;
}

}  // namespace dlrun::cpu
