// What the stand-ins for NVIDIA's libraries share: what goes wrong by plan, what was done wrong,
// and which objects live.
#pragma once

#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>

namespace cuda_double {

// The text of DLRUN_CUDA_DOUBLE: "devices=2,fail_call=120".
struct Options {
  uint64_t devices = 2;
  uint64_t seed = 1;             // of every order that is drawn
  uint64_t memory = 1ull << 33;  // bytes of each device
  uint64_t fail_call = 0;        // the n-th call that can fail, from 1; 0: none
  uint64_t fail_late = 0;        // the n-th command, when it runs
  uint64_t capability = 86;
};

// A use that the real library might answer with a crash, wrong numbers or silence.
class Misuse : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// One at a time: the libraries are called from several threads.
std::recursive_mutex& lock();

const Options& options();
// Reads the environment again and counts calls and commands from 0; when no device is in use.
void read_options();

// Whether this call fails by plan. Counts.
bool call_fails();
bool command_fails();

// Notes something that the test must not find.
void note_problem(const std::string& what);

// Objects of any library, by address: what isn't in the list isn't alive.
void add_object(const void* object, const char* kind, int device);
// Throws Misuse unless it is alive and of that kind; gives its device.
int require_object(const void* object, const char* kind);
void remove_object(const void* object, const char* kind);
// "2 streams, 1 event"; of a device, or of all with -1.
std::string objects_left(int device);

// The body of a library's function: fails by plan, notes misuse.
template <class Status, class Body>
Status call(const char* name, Status failed, Status invalid, Body&& body) {
  const std::lock_guard guard(lock());
  if (call_fails()) return failed;
  try {
    return body();
  } catch (const Misuse& misuse) {
    note_problem(std::string(name) + ": " + misuse.what());
    return invalid;
  }
}

// The body of a function that waits: when it fails by plan, what was waited for is over all the
// same.
template <class Status, class Body>
Status call_that_waits(const char* name, Status failed, Status invalid, Body&& body) {
  const std::lock_guard guard(lock());
  const bool fails = call_fails();
  try {
    const Status status = body();
    return fails ? failed : status;
  } catch (const Misuse& misuse) {
    note_problem(std::string(name) + ": " + misuse.what());
    return invalid;
  }
}

// The body of a function that frees something: nobody looks at its status, so it doesn't fail.
template <class Status, class Body>
Status release(const char* name, Status done, Body&& body) {
  const std::lock_guard guard(lock());
  try {
    body();
  } catch (const Misuse& misuse) {
    note_problem(std::string(name) + ": " + misuse.what());
  }
  return done;
}

inline void require(bool condition, const char* what) {
  if (!condition) throw Misuse(what);
}

constexpr const char* kPlanned = "fails as planned";

}  // namespace cuda_double
