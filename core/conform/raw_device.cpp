#include "core/conform/raw_device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/conform/runner.hpp"
#include "core/host/error.hpp"

namespace dlrun::conform {
namespace {

uint64_t chosen = 0;

template <class Real>
Bytes bytes_as(const std::vector<double>& values) {
  const std::vector<Real> reals(values.begin(), values.end());
  Bytes bytes(reals.size() * sizeof(Real));
  if (!bytes.empty()) std::memcpy(bytes.data(), reals.data(), bytes.size());
  return bytes;
}

template <class Real>
std::vector<double> values_as(const Bytes& bytes) {
  std::vector<Real> reals(bytes.size() / sizeof(Real));
  if (!reals.empty()) std::memcpy(reals.data(), bytes.data(), bytes.size());
  return {reals.begin(), reals.end()};
}

}  // namespace

void require_ok(dlr_error* error, const std::string& call) {
  std::string message;
  if (error != nullptr && code_of(error, &message) != 0)
    fail(fmt::format("{} failed: {}", call, message), "success");
}

uint32_t code_of(dlr_error* error, std::string* message) {
  if (error == nullptr) return 0;
  const uint32_t code = error->code;
  if (message != nullptr) *message = error->message;
  delete error;
  return code;
}

void choose_device(uint64_t index) {
  chosen = index;
}

RawDevice::RawDevice(const dlr_device_type& type) : type_(type) {
  const dlr_device_options options = {sizeof(dlr_device_options), 0, {"", 0}};
  require_ok(type_.open(chosen, &options, &handle_), "open");
  info_.size = sizeof info_;
  require_ok(type_.info(handle_, &info_), "info");
  require_ok(type_.create_stream(handle_, &stream_), "create_stream");
}

RawDevice::~RawDevice() {
  code_of(type_.synchronize(handle_, nullptr));
  for (const dlr_mem& mem : memory_)
    type_.release(handle_, mem);
  type_.destroy_stream(handle_, stream_);
  type_.close(handle_);
}

dlr_mem RawDevice::allocate(uint64_t bytes) {
  dlr_mem mem{};
  if (bytes == 0) return mem;  // never asked for
  require_ok(type_.allocate(handle_, bytes, &mem), fmt::format("allocate({})", bytes));
  if (mem.bytes < bytes)
    fail(fmt::format("allocate({}) gave {} bytes", bytes, mem.bytes), "as many as asked for");
  memory_.push_back(mem);
  return mem;
}

void RawDevice::release(dlr_mem mem) {
  if (mem.bytes == 0) return;
  const auto whole = std::find_if(memory_.begin(), memory_.end(), [&](const dlr_mem& each) {
    return each.handle == mem.handle && each.offset == mem.offset;
  });
  type_.release(handle_, *whole);
  memory_.erase(whole);
}

void RawDevice::copy(dlr_mem to, dlr_mem from, uint64_t bytes) {
  const char* call = to.space == DLR_SPACE_HOST     ? "copy from it"
                     : from.space == DLR_SPACE_HOST ? "copy to it"
                                                    : "copy within it";
  require_ok(type_.copy(handle_, stream_, to, from, bytes), call);
  synchronize();
}

void RawDevice::put(dlr_mem to, const Bytes& bytes) {
  if (!bytes.empty()) copy(to, host_memory(bytes.data(), bytes.size()), bytes.size());
}

Bytes RawDevice::get(dlr_mem from, uint64_t bytes) {
  Bytes found(bytes, 0xA5);
  if (bytes > 0) copy(host_memory(found.data(), bytes), from, bytes);
  return found;
}

void RawDevice::synchronize() {
  require_ok(type_.synchronize(handle_, stream_), "synchronize");
}

dlr_mem behind(dlr_mem mem, uint64_t offset, uint64_t bytes) {
  return {mem.space, mem.handle, mem.offset + offset, bytes};
}

dlr_mem host_memory(const void* data, uint64_t bytes) {
  return {DLR_SPACE_HOST, reinterpret_cast<uintptr_t>(data), 0, bytes};
}

Bytes pattern(uint64_t n, unsigned seed) {
  Bytes bytes(n);
  for (uint64_t i = 0; i < n; ++i)
    bytes[i] = static_cast<unsigned char>((i * 37 + i / 251 + seed * 101) & 0xFF);
  return bytes;
}

void require_bytes(const Bytes& found, const Bytes& expected, const std::string& what) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (found.at(i) != expected[i])
      fail(fmt::format("{}: byte {} of {} is {:#04x}", what, i, expected.size(), found[i]),
           fmt::format("{:#04x}", expected[i]));
  }
}

Bytes to_bytes(const std::vector<double>& values, uint32_t dtype) {
  return dtype == DLR_F64 ? bytes_as<double>(values) : bytes_as<float>(values);
}

std::vector<double> from_bytes(const Bytes& bytes, uint32_t dtype) {
  return dtype == DLR_F64 ? values_as<double>(bytes) : values_as<float>(bytes);
}

uint64_t count_devices(const dlr_device_type& type) {
  uint64_t n = 0;
  dlr_string reason{"", 0};
  require_ok(type.count(&n, &reason), "count");
  if (n == 0 && reason.length == 0) fail("no device, and no reason", "a reason");
  if (n == 0) decline("there is no device: " + std::string(host::from_abi(reason)));
  if (chosen >= n)
    fail(fmt::format("{} devices", n), fmt::format("one of index {} (--device-index)", chosen));
  return n;
}

}  // namespace dlrun::conform
