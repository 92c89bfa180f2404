// device_cuda_host.hpp: opens the cuda device on the double, and compares its operators with cpu's.
#pragma once

#include <random>

#include "tests/unit/cuda_double.hpp"
#include "tests/unit/device_opencl_host.hpp"

namespace device_test {

// The device while it lives, over doubles; and no complaint of theirs when it is closed.
class CudaOnDouble {
 public:
  explicit CudaOnDouble(const std::string& words = "")
      : double_(words),
        plugin_(std::make_unique<DevicePlugin>(dlrun::test::CudaDouble::folder() +
                                               "/device_cuda.so")) {}
  CudaOnDouble(const CudaOnDouble&) = delete;
  CudaOnDouble& operator=(const CudaOnDouble&) = delete;
  ~CudaOnDouble() {
    plugin_.reset();
    CHECK(double_.problems() == "");
  }
  const DevicePlugin& plugin() const { return *plugin_; }
  const dlr_device_type& type() const { return plugin_->type(); }
  dlr_device* device() const { return plugin_->device(); }
  const dlrun::test::CudaDouble& libraries() const { return double_; }

 private:
  dlrun::test::CudaDouble double_;
  std::unique_ptr<DevicePlugin> plugin_;
};

template <class Real>
std::vector<Real> random_reals(size_t count, unsigned seed = 7) {
  std::mt19937 generator(seed);
  std::normal_distribution<Real> normal;
  std::vector<Real> reals(count);
  for (Real& real : reals)
    real = normal(generator);
  return reals;
}

}  // namespace device_test
