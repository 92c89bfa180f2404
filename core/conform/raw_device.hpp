// A device as its functions are: what the checks of devices call, without the host's own ways
// around it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <dlrun/abi.h>

namespace dlrun::conform {

using Bytes = std::vector<unsigned char>;

// Throws Failure with the error's text when there is one.
void require_ok(dlr_error* error, const std::string& call);
// The code of an error, which it frees; 0 for success.
uint32_t code_of(dlr_error* error, std::string* message = nullptr);

// Which of a plugin's devices this process's checks open.
void choose_device(uint64_t index);

class RawDevice {
 public:
  explicit RawDevice(const dlr_device_type& type);
  ~RawDevice();
  RawDevice(const RawDevice&) = delete;
  RawDevice& operator=(const RawDevice&) = delete;

  const dlr_device_type& type() const { return type_; }
  dlr_device* handle() const { return handle_; }
  dlr_stream* stream() const { return stream_; }
  const dlr_device_info& info() const { return info_; }

  // Released with the device, unless before.
  dlr_mem allocate(uint64_t bytes);
  void release(dlr_mem mem);
  // Finished when they return.
  void copy(dlr_mem to, dlr_mem from, uint64_t bytes);
  void put(dlr_mem to, const Bytes& bytes);
  Bytes get(dlr_mem from, uint64_t bytes);
  void synchronize();

 private:
  const dlr_device_type& type_;
  dlr_device* handle_ = nullptr;
  dlr_stream* stream_ = nullptr;
  dlr_device_info info_{};
  std::vector<dlr_mem> memory_;
};

// A memory's later part.
dlr_mem behind(dlr_mem mem, uint64_t offset, uint64_t bytes);
dlr_mem host_memory(const void* data, uint64_t bytes);

// `n` bytes that differ from their neighbours, and by seed.
Bytes pattern(uint64_t n, unsigned seed);
// Throws Failure that names the first byte.
void require_bytes(const Bytes& found, const Bytes& expected, const std::string& what);

// Values as elements of a type, and back.
Bytes to_bytes(const std::vector<double>& values, uint32_t dtype);
std::vector<double> from_bytes(const Bytes& bytes, uint32_t dtype);

// How many devices there are; declines with the device's reason when none.
uint64_t count_devices(const dlr_device_type& type);

}  // namespace dlrun::conform
