// Streams, and the copies that go through them.
#include "stream.hpp"

#include <cstring>

namespace dlrun::opencl {

namespace {

// More commands than this are never left unchecked; issuing then waits for the older half.
constexpr size_t kMostIssued = 512;

void* host_address(const dlr_mem& mem) {
  return reinterpret_cast<void*>(static_cast<uintptr_t>(mem.handle + mem.offset));
}

void check_size(const dlr_mem& mem, uint64_t bytes) {
  if (bytes <= mem.bytes) return;
  throw Error("a copy of " + std::to_string(bytes) + " bytes leaves a memory of " +
                  std::to_string(mem.bytes) + " bytes",
              DLR_INTERNAL_ERROR);
}

}  // namespace

Stream::Stream(cl_context context, cl_device_id device) {
  cl_int status = CL_SUCCESS;
  queue_ = Queue(clCreateCommandQueue(context, device, 0, &status));
  check_cl(status, "clCreateCommandQueue");
  issued_.reserve(kMostIssued);
}

void Stream::track(cl_event event, const char* what) {
  issued_.push_back({Event(event), what});
  if (issued_.size() == kMostIssued) settle(kMostIssued / 2);
}

void Stream::finish() {
  check_cl(clFinish(queue_.get()), "clFinish");
  settle(issued_.size());
  if (late_error_.empty()) return;
  throw Error(std::exchange(late_error_, {}), DLR_DEVICE_ERROR);
}

// Waits for the oldest `count` commands and notes the first of them that failed.
void Stream::settle(size_t count) {
  if (count == 0) return;
  const cl_event last = issued_[count - 1].event.get();
  clWaitForEvents(1, &last);  // a failure shows in the events' states
  for (size_t i = 0; i < count && late_error_.empty(); ++i) {
    cl_int state = CL_COMPLETE;
    clGetEventInfo(issued_[i].event.get(), CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state,
                   nullptr);
    if (state < 0)
      late_error_ = std::string(issued_[i].what) + " failed on the device: " + status_name(state);
  }
  issued_.erase(issued_.begin(), issued_.begin() + static_cast<std::ptrdiff_t>(count));
}

cl_mem buffer_of(const dlr_mem& mem, uint64_t space) {
  if (mem.handle == 0) return nullptr;
  if (mem.space != space) throw Error("a memory of another device", DLR_INTERNAL_ERROR);
  return reinterpret_cast<cl_mem>(static_cast<uintptr_t>(mem.handle));
}

void copy(Stream& stream, uint64_t space, const dlr_mem& to, const dlr_mem& from, uint64_t bytes) {
  if (bytes == 0) return;
  check_size(to, bytes);
  check_size(from, bytes);
  cl_event event = nullptr;
  if (to.space == DLR_SPACE_HOST && from.space == DLR_SPACE_HOST) {
    stream.finish();
    std::memmove(host_address(to), host_address(from), bytes);
  } else if (from.space == DLR_SPACE_HOST) {
    // Waits: the host may change or free its memory as soon as this returns.
    check_cl(clEnqueueWriteBuffer(stream.queue(), buffer_of(to, space), CL_TRUE, to.offset, bytes,
                                  host_address(from), 0, nullptr, nullptr),
             "clEnqueueWriteBuffer");
  } else if (to.space == DLR_SPACE_HOST) {
    check_cl(clEnqueueReadBuffer(stream.queue(), buffer_of(from, space), CL_FALSE, from.offset,
                                 bytes, host_address(to), 0, nullptr, &event),
             "clEnqueueReadBuffer");
    stream.track(event, "a copy to the host");
  } else {
    check_cl(clEnqueueCopyBuffer(stream.queue(), buffer_of(from, space), buffer_of(to, space),
                                 from.offset, to.offset, bytes, 0, nullptr, &event),
             "clEnqueueCopyBuffer");
    stream.track(event, "a copy within the device");
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
