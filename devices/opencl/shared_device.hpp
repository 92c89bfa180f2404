// What all who open one device in this process share.
#pragma once

#include "device.hpp"
#include "program_store.hpp"

namespace dlrun::opencl {

struct SharedDevice {
  explicit SharedDevice(const FoundDevice& found);

  Context context;
  ProgramStore programs;
};

// The same for a device however often it is opened; it stays until the process ends. CLBlast keeps
// what it compiled for a context, and with it the context, and drivers keep some of each program
// that they load: one for each opening would pile up.
SharedDevice& shared_device(const FoundDevice& found);

}  // namespace dlrun::opencl
