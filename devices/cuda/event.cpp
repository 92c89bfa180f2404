// Events by the driver.
#include "event.hpp"

#include <algorithm>
#include <cmath>

namespace dlrun::cuda {

Event::Event(unsigned flags) {
  check_cuda(driver().cuEventCreate(&event_, flags), "cuEventCreate");
}

Event::~Event() {
  driver().cuEventDestroy_v2(event_);
}

void Event::record(CUstream stream) const {
  check_cuda(driver().cuEventRecord(event_, stream), "cuEventRecord");
}

void Event::wait() const {
  check_cuda(driver().cuEventSynchronize(event_), "cuEventSynchronize");
}

uint64_t TimedEvent::ns_since(const TimedEvent& earlier) const {
  float ms = 0;
  check_cuda(driver().cuEventElapsedTime(&ms, earlier.get(), get()), "cuEventElapsedTime");
  return static_cast<uint64_t>(std::llround(std::max(ms, 0.0F) * 1e6));
}

}  // namespace dlrun::cuda
