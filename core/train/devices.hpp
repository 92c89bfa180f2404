// Chooses and opens the devices of a job.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/net/catalogue.hpp"
#include "core/net/executor.hpp"

namespace dlrun::train {

// A device plugin, as its manifest describes it.
struct DeviceKind {
  std::string name;       // "opencl"; its full name where several plugins have a device "opencl"
  std::string full_name;  // "org.dlrun.opencl/opencl"
  int32_t score = 0;
  bool is_host = false;
};

struct DeviceChoice {
  std::string device = "auto";    // "auto", "cpu", "opencl:1", "org.dlrun.opencl/opencl:1"
  bool host_memory_only = false;  // among `auto`: Caffe's solver_mode CPU
  int threads = 0;
  std::string isa;  // "": the best there is
};

// Opens device `index` of a kind, with the plugin's profiler where it has one. The device is called
// "opencl" or "opencl:1".
std::shared_ptr<memory::Device> open_device(net::Catalogue& catalogue, const std::string& kind,
                                            uint64_t index, const dlr_device_options& options);

// `kinds`: all that are installed. Opens the host device and the chosen one (which may be the
// same). With `auto` the one with the highest score that reports a device; `reasons` then says why
// others were passed over. A named device that isn't there is an error that says why and what there
// is.
net::Devices open_devices(net::Catalogue& catalogue, const std::vector<DeviceKind>& kinds,
                          const DeviceChoice& choice, std::vector<std::string>* reasons = nullptr);

// An error when no plugin has a device of that name, "auto" or "opencl:1".
void require_known_device(net::Catalogue& catalogue, const std::vector<DeviceKind>& kinds,
                          const std::string& name);

// A device that one layer names. Opened unless `devices` has it already, under that name too.
std::shared_ptr<memory::Device> open_named_device(net::Catalogue& catalogue,
                                                  const std::vector<DeviceKind>& kinds,
                                                  const DeviceChoice& choice,
                                                  const std::string& name,
                                                  const net::Devices& devices);

}  // namespace dlrun::train
