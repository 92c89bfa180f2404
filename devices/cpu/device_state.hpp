// device_state.hpp: one open cpu device.
#pragma once

#include <dlrun/device.hpp>

#include "blas.hpp"
#include "isa.hpp"

namespace dlrun::cpu {

class Device {
 public:
  Device(const dlr_device_options& options);

  const Blas& blas() const { return blas_; }
  Isa isa() const { return isa_; }
  int64_t threads() const { return threads_; }
  void describe(dlr_device_info& info) const;

 private:
  Isa isa_;
  int64_t threads_;
  Blas blas_;
  std::string name_;
};

}  // namespace dlrun::cpu

// The device that the ABI hands around.
struct dlr_device {
  explicit dlr_device(const dlr_device_options& options) : state(options) {}
  dlrun::cpu::Device state;
};
