// Opening the driver, and its errors.
#include "driver.hpp"

namespace dlrun::cuda {

Driver::Driver() {
  Library library(LibraryKind::kDriver);
#define DLR_LOAD(name) library.load(name, #name);
  DLR_CUDA_DRIVER(DLR_LOAD)
  problem = library.problem();
}

const Driver& driver() {
  static const Driver driver;
  return driver;
}

void check_cuda(CUresult status, const char* call) {
  if (status == CUDA_SUCCESS) return;
  const char* name = nullptr;
  const char* text = nullptr;
  driver().cuGetErrorName(status, &name);
  driver().cuGetErrorString(status, &text);
  std::string message = std::string(call) + " failed: " + (name == nullptr ? "status" : name) +
                        " (" + std::to_string(status) + ")";
  if (text != nullptr) message += std::string(", ") + text;
  throw Error(message, status == CUDA_ERROR_OUT_OF_MEMORY ? DLR_OUT_OF_MEMORY : DLR_DEVICE_ERROR);
}

std::string version_text(int version) {
  return "CUDA " + std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

}  // namespace dlrun::cuda
