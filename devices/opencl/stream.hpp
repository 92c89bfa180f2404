// Work in order: a command queue that remembers what was issued, so that late errors are reported.
#pragma once

#include <dlrun/abi.h>

#include <string_view>

#include "cl.hpp"
#include "staging.hpp"

namespace dlrun::opencl {

// What one finished command did, by the device's clock.
struct Span {
  std::string name;
  uint64_t label;
  uint64_t begin_ns;
  uint64_t end_ns;
};

class Stream {
 public:
  Stream(cl_context context, cl_device_id device);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  cl_command_queue queue() const { return queue_.get(); }
  // Takes over the event of an issued command; `what` names it in a late error and in spans, and
  // lives until the command was waited for.
  void track(cl_event event, std::string_view what);
  // For copies; null when they go straight from and to the host's memory.
  Staging* staging() { return stages_ ? &staging_ : nullptr; }
  // Waits for everything issued; throws what failed since the last time.
  void finish();

  // Between the two, every command is timed. Both wait for what was issued, and drop spans that
  // nobody took.
  void begin_timing();
  void end_timing();
  // For commands issued from now on.
  void set_label(uint64_t label) { label_ = label; }
  // Of what was waited for, in the order of issue; each once.
  std::vector<Span> take_spans() { return std::exchange(spans_, {}); }

 private:
  struct Issued {
    Event event;
    std::string_view what;
    uint64_t label;
  };
  void replace_queue(cl_command_queue_properties properties);
  void settle(size_t count);
  void note_span(const Issued& issued);

  cl_context context_;
  cl_device_id device_;
  Queue queue_;
  bool stages_;
  Staging staging_;
  bool is_timing_ = false;
  uint64_t label_ = 0;
  std::vector<Span> spans_;
  std::vector<Issued> issued_;  // not known to be finished, in order
  std::string late_error_;
};

}  // namespace dlrun::opencl
