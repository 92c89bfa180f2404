// Issued commands: what became of them, and when they ran.
#include "stream.hpp"

#include <algorithm>

namespace dlrun::opencl {

namespace {

// More commands than this are never left unchecked; issuing then waits for the older half.
constexpr size_t kMostIssued = 512;

}  // namespace

Stream::Stream(cl_context context, cl_device_id device)
    : context_(context), device_(device), stages_(wants_staging(device)), staging_(context) {
  replace_queue(0);
  issued_.reserve(kMostIssued);
}

Stream::~Stream() {
  clFinish(queue_.get());
  staging_.release(queue_.get());
}

void Stream::replace_queue(cl_command_queue_properties properties) {
  cl_int status = CL_SUCCESS;
  Queue made(clCreateCommandQueue(context_, device_, properties, &status));
  check_cl(status, "clCreateCommandQueue");
  queue_ = std::move(made);
}

void Stream::track(cl_event event, std::string_view what) {
  issued_.push_back({Event(event), what, label_});
  if (issued_.size() == kMostIssued) settle(kMostIssued / 2);
}

void Stream::finish() {
  check_cl(clFinish(queue_.get()), "clFinish");
  staging_.complete();
  settle(issued_.size());
  if (late_error_.empty()) return;
  throw Error(std::exchange(late_error_, {}), DLR_DEVICE_ERROR);
}

void Stream::begin_timing() {
  finish();
  replace_queue(CL_QUEUE_PROFILING_ENABLE);
  is_timing_ = true;
  label_ = 0;
  spans_.clear();
}

// What failed is kept for the next finish.
void Stream::end_timing() {
  is_timing_ = false;
  spans_ = {};
  clFinish(queue_.get());
  staging_.complete();
  settle(issued_.size());
  replace_queue(0);
}

// Waits for the oldest `count` commands and notes the first of them that failed.
void Stream::settle(size_t count) {
  if (count == 0) return;
  const cl_event last = issued_[count - 1].event.get();
  clWaitForEvents(1, &last);  // a failure shows in the events' states
  for (size_t i = 0; i < count; ++i) {
    cl_int state = CL_COMPLETE;
    clGetEventInfo(issued_[i].event.get(), CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state,
                   nullptr);
    if (state == CL_COMPLETE && is_timing_) note_span(issued_[i]);
    if (state < 0 && late_error_.empty()) {
      late_error_ =
          "'" + std::string(issued_[i].what) + "' failed on the device: " + status_name(state);
    }
  }
  issued_.erase(issued_.begin(), issued_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Stream::note_span(const Issued& issued) {
  const auto begin = event_time(issued.event.get(), CL_PROFILING_COMMAND_START);
  const auto end = event_time(issued.event.get(), CL_PROFILING_COMMAND_END);
  spans_.push_back({std::string(issued.what), issued.label, begin, std::max(begin, end)});
}

}  // namespace dlrun::opencl
