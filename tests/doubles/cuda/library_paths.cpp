// The libraries of the tests' build of the cuda device: all are the double.
#include "devices/cuda/library.hpp"

namespace dlrun::cuda {

std::vector<std::string> library_paths(LibraryKind) {
  return {CUDA_DOUBLE_PATH};
}

}  // namespace dlrun::cuda
