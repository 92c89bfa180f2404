// When the work of streams ran, by the device's clock: an event before each piece of work, and one
// behind it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "event.hpp"

namespace dlrun::cuda {

// What one piece of work did.
struct Span {
  std::string name;
  uint64_t label;
  uint64_t stream;
  uint64_t begin_ns;
  uint64_t end_ns;
};

// What the streams of a device share while their work is timed.
struct Timeline {
  // The clock begins behind what was issued to the stream.
  explicit Timeline(CUstream stream);

  TimedEvent start;
  uint64_t label = 0;       // of what is issued from now on
  uint64_t n_streams = 0;   // that were timed
  std::vector<Span> spans;  // known, those of one stream in the order of issue
};

// Times one stream.
class Timer {
 public:
  Timer(Timeline& timeline, CUstream stream);

  // Around the issuing of a piece of work; where that failed, without the end.
  void begin(std::string_view what);
  void end();
  // Waits for all that was issued and adds its spans to the timeline.
  void settle() { settle(issued_.size()); }
  // Gives up what isn't settled.
  void drop() { issued_.clear(); }
  // The clock, behind what was issued.
  uint64_t now();

 private:
  struct Timed {
    TimedEvent begin;
    std::unique_ptr<TimedEvent> end = std::make_unique<TimedEvent>();
    std::string name;
    uint64_t label = 0;
  };
  void settle(size_t count);
  void note(Timed& timed);

  Timeline& timeline_;
  CUstream stream_;
  uint64_t number_;
  std::unique_ptr<TimedEvent> base_ = std::make_unique<TimedEvent>();  // times are taken from here
  uint64_t base_ns_ = 0;
  uint64_t last_ns_ = 0;
  std::unique_ptr<Timed> next_;
  std::deque<std::unique_ptr<Timed>> issued_;  // in order
  std::vector<std::unique_ptr<Timed>> spare_;  // to be used again
};

}  // namespace dlrun::cuda
