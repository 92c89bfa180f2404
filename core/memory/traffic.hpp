// Counting what moves: between layouts, and between the host and devices.
#pragma once

#include <cstdint>

namespace dlrun::memory {

class Buffer;

struct Traffic {
  uint64_t conversions = 0;
  uint64_t converted_bytes = 0;
  uint64_t to_device = 0;  // copies
  uint64_t to_device_bytes = 0;
  uint64_t to_host = 0;
  uint64_t to_host_bytes = 0;

  Traffic operator-(const Traffic& before) const {
    return {conversions - before.conversions, converted_bytes - before.converted_bytes,
            to_device - before.to_device,     to_device_bytes - before.to_device_bytes,
            to_host - before.to_host,         to_host_bytes - before.to_host_bytes};
  }
};

enum class MoveKind { kConversion, kToDevice, kToHost };

// Told of every single move.
class MoveObserver {
 public:
  virtual ~MoveObserver() = default;
  virtual void moved(const Buffer& buffer, MoveKind kind, uint64_t bytes) = 0;
};

// What all buffers of a net count in.
struct TrafficMeter : Traffic {
  MoveObserver* observer = nullptr;  // null: nobody asks

  void count(const Buffer& buffer, MoveKind kind, uint64_t bytes) {
    switch (kind) {
      case MoveKind::kConversion:
        ++conversions, converted_bytes += bytes;
        break;
      case MoveKind::kToDevice:
        ++to_device, to_device_bytes += bytes;
        break;
      case MoveKind::kToHost:
        ++to_host, to_host_bytes += bytes;
        break;
    }
    if (observer != nullptr) observer->moved(buffer, kind, bytes);
  }
};

}  // namespace dlrun::memory
