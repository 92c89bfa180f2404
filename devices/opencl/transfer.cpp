#include "transfer.hpp"

#include <algorithm>
#include <cstring>

namespace dlrun::opencl {

namespace {

char* host_address(const dlr_mem& mem) {
  return reinterpret_cast<char*>(static_cast<uintptr_t>(mem.handle + mem.offset));
}

void check_size(const dlr_mem& mem, uint64_t bytes) {
  if (bytes <= mem.bytes) return;
  throw Error("a copy of " + std::to_string(bytes) + " bytes leaves a memory of " +
                  std::to_string(mem.bytes) + " bytes",
              DLR_INTERNAL_ERROR);
}

void upload(Stream& stream, cl_mem to, size_t at, const char* from, size_t bytes) {
  Staging* staging = stream.staging();
  const size_t most = staging != nullptr ? Staging::kPieceBytes : bytes;
  for (size_t done = 0; done < bytes; done += most) {
    const size_t piece = std::min(bytes - done, most);
    cl_event event = nullptr;
    if (staging != nullptr) {
      event = staging->upload(stream.queue(), to, at + done, from + done, piece);
    } else {
      check_cl(
          clEnqueueWriteBuffer(stream.queue(), to, CL_FALSE, at, bytes, from, 0, nullptr, &event),
          "clEnqueueWriteBuffer");
    }
    stream.track(event, "copy to the device");
  }
}

void download(Stream& stream, char* to, cl_mem from, size_t at, size_t bytes) {
  Staging* staging = stream.staging();
  const size_t most = staging != nullptr ? Staging::kPieceBytes : bytes;
  for (size_t done = 0; done < bytes; done += most) {
    const size_t piece = std::min(bytes - done, most);
    cl_event event = nullptr;
    if (staging != nullptr) {
      event = staging->download(stream.queue(), to + done, from, at + done, piece);
    } else {
      check_cl(
          clEnqueueReadBuffer(stream.queue(), from, CL_FALSE, at, bytes, to, 0, nullptr, &event),
          "clEnqueueReadBuffer");
    }
    stream.track(event, "copy to the host");
  }
}

}  // namespace

cl_mem buffer_of(const dlr_mem& mem, uint64_t space) {
  if (mem.handle == 0) return nullptr;
  if (mem.space != space) throw Error("a memory of another device", DLR_INTERNAL_ERROR);
  return reinterpret_cast<cl_mem>(static_cast<uintptr_t>(mem.handle));
}

void copy(Stream& stream, uint64_t space, const dlr_mem& to, const dlr_mem& from, uint64_t bytes) {
  if (bytes == 0) return;
  check_size(to, bytes);
  check_size(from, bytes);
  if (to.space == DLR_SPACE_HOST && from.space == DLR_SPACE_HOST) {
    stream.finish();
    std::memmove(host_address(to), host_address(from), bytes);
  } else if (from.space == DLR_SPACE_HOST) {
    upload(stream, buffer_of(to, space), to.offset, host_address(from), bytes);
  } else if (to.space == DLR_SPACE_HOST) {
    download(stream, host_address(to), buffer_of(from, space), from.offset, bytes);
  } else {
    cl_event event = nullptr;
    check_cl(clEnqueueCopyBuffer(stream.queue(), buffer_of(from, space), buffer_of(to, space),
                                 from.offset, to.offset, bytes, 0, nullptr, &event),
             "clEnqueueCopyBuffer");
    stream.track(event, "copy within the device");
  }
}

void zero(Stream& stream, uint64_t space, const dlr_mem& mem, uint64_t bytes) {
  if (bytes == 0) return;
  check_size(mem, bytes);
  const cl_uint zeros = 0;
  const size_t pattern = (mem.offset | bytes) % sizeof zeros == 0 ? sizeof zeros : 1;
  cl_event event = nullptr;
  check_cl(clEnqueueFillBuffer(stream.queue(), buffer_of(mem, space), &zeros, pattern, mem.offset,
                               bytes, 0, nullptr, &event),
           "clEnqueueFillBuffer");
  stream.track(event, "zeroing");
}

}  // namespace dlrun::opencl
