// Every kernel of the tree compiled by NVRTC, as the cuda device does it, for the architectures of
// the last five generations; and no float kernel computes in double.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "devices/cuda/kernel_text.hpp"
#include "devices/cuda/nvrtc.hpp"
#include "tests/unit/roots.hpp"

namespace {

namespace fs = std::filesystem;
using namespace dlrun;

// The one that the environment names, so that each can be a test; or all.
std::vector<int> architectures() {
  const char* one = std::getenv("DLRUN_TEST_ARCHITECTURE");
  return one == nullptr ? std::vector<int>{75, 80, 86, 89, 90} : std::vector<int>{std::atoi(one)};
}

struct KernelDefinition {
  std::string name;
  std::string parameters;
};

// DLR_KERNEL(name, parameters) { and its like.
std::vector<KernelDefinition> kernels_of(const std::string& source) {
  std::vector<KernelDefinition> kernels;
  for (const std::string word :
       {"\nDLR_KERNEL(", "\nDLR_ELEMENTWISE(", "\nDLR_ELEMENTWISE_ZERO("}) {
    for (size_t at = source.find(word); at != std::string::npos; at = source.find(word, at + 1)) {
      const size_t begin = at + word.size();
      const size_t comma = source.find(',', begin);
      kernels.push_back({source.substr(begin, comma - begin),
                         source.substr(comma + 1, source.find(") {", comma) - comma - 1)});
    }
  }
  return kernels;
}

// A kernel file with an entry point for each of its kernels.
std::string program_of(const fs::path& file, uint32_t real_bits, uint32_t index_bits) {
  std::ifstream stream(file, std::ios::binary);
  const std::string source{std::istreambuf_iterator<char>(stream), {}};
  std::string program;
  for (const KernelDefinition& definition : kernels_of(source)) {
    dlr_kernel kernel{};
    kernel.size = sizeof kernel;
    kernel.name = to_abi(definition.name);
    kernel.parameters = to_abi(definition.parameters);
    kernel.source = to_abi(source);
    if (program.empty()) program = cuda::program_text(kernel, real_bits, index_bits);
    program += cuda::entry_point(kernel);
  }
  return program;
}

std::vector<fs::path> kernel_files() {
  std::vector<fs::path> files;
  for (const char* folder :
       {"core", "plugins", "devices", "solvers", "sdk/template", "tests/unit"}) {
    for (const auto& entry :
         fs::recursive_directory_iterator(fs::path(dlrun::test::source_root()) / folder)) {
      if (entry.path().string().ends_with(".kernel.h")) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Calls work(file) for all files, on as many threads as there are cores; returns what failed.
template <class Work>
std::string for_each_file(const Work& work) {
  const std::vector<fs::path> files = kernel_files();
  REQUIRE(files.size() >= 15);
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::string problems;
  const auto loop = [&] {
    for (size_t i = next++; i < files.size(); i = next++) {
      try {
        work(files[i]);
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex);
        problems += files[i].string() + ": " + error.what() + "\n";
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i)
    threads.emplace_back(loop);
  for (std::thread& thread : threads)
    thread.join();
  return problems;
}

bool has_compiler() {
  if (cuda::nvrtc().problem.empty()) return true;
  MESSAGE("skipped: ", cuda::nvrtc().problem);
  return false;
}

}  // namespace

TEST_CASE("NVRTC compiles every kernel to machine code of every architecture") {
  if (!has_compiler()) return;
  const std::string problems = for_each_file([](const fs::path& file) {
    for (const uint32_t real_bits : {32U, 64U}) {
      for (const uint32_t index_bits : {32U, 64U}) {
        const std::string program = program_of(file, real_bits, index_bits);
        for (const int architecture : architectures()) {
          if (cuda::compile_to_cubin(program, architecture).substr(1, 3) != "ELF")
            throw std::runtime_error("isn't machine code");
        }
      }
    }
  });
  CHECK(problems == "");
}

TEST_CASE("no kernel of the float build computes in double") {
  if (!has_compiler()) return;
  const std::string problems = for_each_file([](const fs::path& file) {
    const std::string ptx = cuda::compile_to_ptx(program_of(file, 32, 32), 75);
    if (ptx.find(".entry") == std::string::npos) throw std::runtime_error("has no entry");
    const size_t at = ptx.find(".f64");
    if (at == std::string::npos) return;
    const size_t line = ptx.rfind('\n', at) + 1;
    throw std::runtime_error("has " + ptx.substr(line, ptx.find('\n', at) - line));
  });
  CHECK(problems == "");
}

TEST_CASE("the test for double finds it") {
  if (!has_compiler()) return;
  const std::string text = "extern \"C\" __global__ void f(float* x) { x[threadIdx.x] *= 0.1; }\n";
  CHECK(cuda::compile_to_ptx(text, 75).find(".f64") != std::string::npos);
}

TEST_CASE("code is asked for an architecture that the device runs and the compiler knows") {
  if (!has_compiler()) return;
  CHECK(cuda::architecture_for(86) == 86);
  CHECK(cuda::architecture_for(89) == 89);
  CHECK_THROWS_WITH_AS(cuda::architecture_for(20), doctest::Contains("compute capability 2.0"),
                       Error);
}

TEST_CASE("a kernel that doesn't compile is shown with the compiler's words") {
  if (!has_compiler()) return;
  CHECK_THROWS_WITH_AS(cuda::compile_to_cubin("#line 7 \"file of kernel f\"\nint f( {", 80),
                       doctest::Contains("file of kernel f(7): error"), Error);
}
