// blas.cpp: finds and opens OpenBLAS. It is never linked: the linker's libopenblas may be the build
// with a thread pool of its own, which fights with OpenMP's threads over the cores.
#include "blas.hpp"

#include <dlfcn.h>
#include <dlrun/error.hpp>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace dlrun::cpu {
namespace {

constexpr int kRowMajor = 101;
constexpr int kNoTranspose = 111;
constexpr int kTranspose = 112;
constexpr int kParallelByOpenMp = 2;  // what openblas_get_parallel() answers

std::vector<std::string> candidates() {
  if (const char* chosen = std::getenv("DLRUN_OPENBLAS"); chosen != nullptr && *chosen != '\0')
    return {chosen};
  namespace fs = std::filesystem;
  std::vector<std::string> found;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator("/usr/lib", ignored)) {
    const fs::path debian = entry.path() / "openblas-openmp" / "libopenblas.so.0";
    if (fs::exists(debian, ignored)) found.push_back(debian.string());
  }
  for (const char* folder : {"/usr/lib64", "/usr/lib"}) {
    const fs::path fedora = fs::path(folder) / "libopenblaso.so.0";
    if (fs::exists(fedora, ignored)) found.push_back(fedora.string());
  }
  return found;
}

template <class Function>
Function symbol(void* library, const char* name) {
  void* address = dlsym(library, name);
  if (address == nullptr)
    throw Error(std::string("OpenBLAS lacks the function ") + name, DLR_DEVICE_ERROR);
  return reinterpret_cast<Function>(address);
}

template <class T, class Function>
void call(Function function, const Product<T>& g) {
  function(kRowMajor, g.transpose_a ? kTranspose : kNoTranspose,
           g.transpose_b ? kTranspose : kNoTranspose, g.m, g.n, g.k, g.alpha, g.a, g.lda, g.b,
           g.ldb, g.beta, g.c, g.ldc);
}

}  // namespace

Blas Blas::open() {
  std::string failures;
  for (const std::string& path : candidates()) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      failures += std::string("\n  ") + dlerror();
      continue;
    }
    if (symbol<int (*)()>(library, "openblas_get_parallel")() != kParallelByOpenMp) {
      failures += "\n  " + path + " isn't built with OpenMP";
      continue;
    }
    Blas blas;
    blas.sgemm_ = symbol<Function<float>>(library, "cblas_sgemm");
    blas.dgemm_ = symbol<Function<double>>(library, "cblas_dgemm");
    blas.version_ = symbol<const char* (*)()>(library, "openblas_get_config")();
    return blas;
  }
  throw Error(
      "the cpu device needs OpenBLAS's OpenMP build; on Debian and Ubuntu install it with "
      "'apt install libopenblas0-openmp', or name its file in DLRUN_OPENBLAS" +
          failures,
      DLR_DEVICE_ERROR);
}

void Blas::run(const Product<float>& gemm) const {
  call(sgemm_, gemm);
}
void Blas::run(const Product<double>& gemm) const {
  call(dgemm_, gemm);
}

}  // namespace dlrun::cpu
