// Contexts, and streams that run late: their commands wait until somebody must have them done, and
// streams that don't wait for each other run in a drawn order.
#pragma once

#include <cuda.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

struct CUctx_st {
  int device;
  int retained = 0;
};

namespace cuda_double {

// A point in a stream.
struct Point {
  bool is_reached = false;
  uint64_t ns = 0;  // when, by the device's clock
};
using Mark = std::shared_ptr<Point>;

struct Command {
  const char* what;
  std::function<void()> work;
  Mark awaits = nullptr;
  Mark reaches = nullptr;
};

}  // namespace cuda_double

struct CUstream_st {
  int device;
  std::deque<cuda_double::Command> commands;
};
struct CUevent_st {
  int device;
  bool takes_time;
  cuda_double::Mark mark;  // none: never recorded
};

namespace cuda_double {

constexpr const char* kStream = "stream";
constexpr const char* kEvent = "event";

// The device of the calling thread's context. Throws Misuse when there is none.
int current_device();

void issue(CUstream stream, Command command);
// Run what they must; the status of what failed since the last time.
CUresult finish(CUstream stream);
CUresult reach(const Mark& mark);
// Throws Misuse unless the stream is alive and of the current context.
void require_stream(CUstream stream);
// Forgets late errors, e.g. with the context.
void forget_errors(int device);

}  // namespace cuda_double
