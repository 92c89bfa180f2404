// The libraries of the versions that the plugin was built with: functions of another major version
// may take other arguments. Tests link a file of their own in place of this one.
#include <cublas_v2.h>
#include <cuda.h>
#include <cudnn.h>

#include "library.hpp"

namespace dlrun::cuda {

namespace {

// By the system's search first, then where NVIDIA's installers put the toolkit.
std::vector<std::string> of_toolkit(const std::string& library, int major) {
  const std::string name = library + ".so." + std::to_string(major);
  return {name, "/usr/local/cuda/lib64/" + name};
}

}  // namespace

std::vector<std::string> library_paths(LibraryKind kind) {
  switch (kind) {
    case LibraryKind::kDriver:
      return {"libcuda.so.1"};  // comes with the driver, not with the toolkit
    case LibraryKind::kNvrtc:
      return of_toolkit("libnvrtc", CUDA_VERSION / 1000);
    case LibraryKind::kBlas:
      return of_toolkit("libcublas", CUBLAS_VER_MAJOR);
    case LibraryKind::kDnn:
      return of_toolkit("libcudnn", CUDNN_MAJOR);
  }
  return {};
}

}  // namespace dlrun::cuda
