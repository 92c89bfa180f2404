// Devices and nets, made and destroyed over and over, leave nothing behind.
#include <doctest/doctest.h>
#include <malloc.h>

#include <fstream>

#include "tests/unit/cuda_double.hpp"
#include "tests/unit/train_small_job.hpp"
#include "tests/unit/train_warnings.hpp"

namespace dlrun::test {
namespace {

long resident_bytes() {
  std::ifstream file("/proc/self/statm");
  long total = 0;
  long pages = 0;
  file >> total >> pages;
  return pages * ::sysconf(_SC_PAGESIZE);
}

long heap_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return static_cast<long>(info.uordblks + info.hblkhd);
}

// Opens the device, makes a net there, runs it once in both directions, and takes all away.
void make_and_destroy(train::Session& session, const std::string& device) {
  const train::DeviceChoice choice{device, false, 1, ""};
  const net::Devices devices =
      train::open_devices(session.catalogue(), session.plugins().device_kinds(), choice);
  const config::Node& node = session.job().train_net;
  net::Net net(node, session.catalogue(), session.net_options(node, true));
  net.prepare(devices);
  net.begin_iteration();
  net.forward();
  net.backward();
}

void check_rounds(const std::string& device, int rounds, bool on_double = false) {
  SmallJob job(device);
  if (on_double) CudaDouble::prefer(job.options.plugins.plugin_path);
  if (!has_device(device, job.options.plugins)) return;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  rounds = 50;
  constexpr long kGrowth = 256 << 20;  // the sanitizer keeps what was freed back, up to so much
#else
  constexpr long kGrowth = 4 << 20;
#endif
  constexpr long kHeapGrowth = 64 << 10;  // of a thousand rounds
  const Warnings warnings;
  train::Session session(job.options);
  for (int i = 0; i < rounds / 10; ++i)
    make_and_destroy(session, device);
  const long before = resident_bytes();
  const long heap_before = heap_bytes();
  for (int i = 0; i < rounds; ++i)
    make_and_destroy(session, device);
  CHECK(resident_bytes() - before < kGrowth);
  MESSAGE(device, ": ", heap_bytes() - heap_before, " bytes of heap");
  CHECK(heap_bytes() - heap_before < kHeapGrowth);
  CHECK(warnings.text() == "");
}

}  // namespace

TEST_CASE("many rounds of device and net leave nothing behind") {
  SUBCASE("cpu") {
    check_rounds("cpu", 1000);
  }
  SUBCASE("onednn") {
    check_rounds("onednn", 1000);
  }
  SUBCASE("opencl") {
    check_rounds("opencl", 1000);
  }
  SUBCASE("strict") {
    check_rounds("strict", 1000);
  }
  SUBCASE("cuda, whose libraries are doubles") {
    const CudaDouble cuda;
    if (CudaDouble::is_built()) check_rounds("cuda", 1000, true);
    CHECK(cuda.problems() == "");
  }
}

}  // namespace dlrun::test
