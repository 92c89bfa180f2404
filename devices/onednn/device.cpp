// What the device says of itself, its memory and its threads.
#include "device.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <new>

// GNU's OpenMP runtime, which oneDNN is built on; declared here, so that clang needs no OpenMP of
// its own.
extern "C" {
int omp_get_max_threads(void);
void omp_set_num_threads(int);
}

namespace dlrun::onednn {

namespace {

constexpr uint64_t kLargePage = uint64_t{2} << 20;

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos)
      return line.substr(colon + 2);
  }
  return "CPU";
}

// Best first.
std::vector<std::string_view> usable_isas() {
  std::vector<std::string_view> isas = {"baseline"};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    isas.insert(isas.begin(), "avx2");
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    isas.insert(isas.begin(), "avx512");
  }
#endif
  return isas;
}

std::string library_name() {
  const dnnl_version_t& version = *dnnl_version();
  return "oneDNN " + std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
         std::to_string(version.patch);
}

bool is_set_to_all(const char* variable) {
  return variable != nullptr && std::string_view(variable) == "all";
}

}  // namespace

Device::Device(const dlr_device_options& options)
    : engine_(dnnl::engine::kind::cpu, 0),
      stream_(engine_),
      threads_(static_cast<int>(options.threads)),
      takes_all_(is_set_to_all(std::getenv("DLRUN_ONEDNN"))),
      driver_(library_name()) {
  const int threads = threads_ > 0 ? threads_ : omp_get_max_threads();
  name_ =
      processor_name() + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
}

void Device::info(dlr_device_info& out) const {
  out.name = to_abi(name_);
  out.driver = to_abi(driver_);
  out.memory_bytes =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  out.alignment = kAlignment;
  out.largest_allocation = 0;
  out.host_memory = 1;
  out.float64 = 1;  // operators in float64 are declined one by one
}

dlr_cpu_entry Device::entry(const dlr_kernel& kernel, bool wide_index) const {
  for (const std::string_view isa : usable_isas()) {
    for (uint32_t i = 0; i < kernel.n_variants; ++i) {
      const dlr_cpu_variant& variant = *kernel.variants[i];
      const dlr_cpu_entry entry = wide_index ? variant.f32_wide : variant.f32;
      if (from_abi(variant.isa) == isa && entry != nullptr) return entry;
    }
  }
  throw Error("kernel '" + std::string(from_abi(kernel.name)) + "' wasn't built",
              DLR_INTERNAL_ERROR);
}

ThreadBudget::ThreadBudget(const Device& device) {
  const int now = omp_get_max_threads();
  if (device.threads() == 0 || device.threads() == now) return;
  before_ = now;
  omp_set_num_threads(device.threads());
}

ThreadBudget::~ThreadBudget() {
  if (before_ > 0) omp_set_num_threads(before_);
}

void* allocate(uint64_t bytes) {
  const bool large = bytes >= 2 * kLargePage;
  const uint64_t alignment = large ? kLargePage : kAlignment;
  if (bytes > UINT64_MAX - alignment) throw std::bad_alloc();
  const uint64_t rounded = std::max(alignment, (bytes + alignment - 1) / alignment * alignment);
  void* memory = std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  if (large) madvise(memory, rounded, MADV_HUGEPAGE);
  return memory;
}

void release(void* memory) {
  std::free(memory);
}

}  // namespace dlrun::onednn
