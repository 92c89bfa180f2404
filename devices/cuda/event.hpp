// Points in streams.
#pragma once

#include "driver.hpp"

namespace dlrun::cuda {

class Event {
 public:
  explicit Event(unsigned flags = CU_EVENT_DISABLE_TIMING);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  CUevent get() const { return event_; }
  void record(CUstream stream) const;
  // Waits for the stream to get there; throws what failed.
  void wait() const;

 private:
  CUevent event_ = nullptr;
};

// Notes when the stream got there.
class TimedEvent : public Event {
 public:
  TimedEvent() : Event(CU_EVENT_DEFAULT) {}
  // From an earlier one to this one. Both must have been waited for.
  uint64_t ns_since(const TimedEvent& earlier) const;
};

}  // namespace dlrun::cuda
