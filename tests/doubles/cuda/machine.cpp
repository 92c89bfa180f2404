// Which command runs when.
#include "machine.hpp"

#include <map>
#include <random>
#include <set>

#include "control.hpp"
#include "memory.hpp"

namespace cuda_double {

namespace {

// What any command takes. The clock stands still between commands.
constexpr uint64_t kCommandNs = 550'000;

// Of all devices.
uint64_t& clock_ns() {
  static uint64_t ns = 0;
  return ns;
}

std::set<CUstream>& streams() {
  static std::set<CUstream> streams;
  return streams;
}

// The first status that went wrong, until it is told; by device.
std::map<int, CUresult>& late_errors() {
  static std::map<int, CUresult> errors;
  return errors;
}

// A point is reached also when a command failed.
void run(int device, const Command& command) {
  CUresult status = CUDA_SUCCESS;
  clock_ns() += kCommandNs;
  if (command.reaches != nullptr) *command.reaches = {true, clock_ns()};
  if (command_fails()) {
    status = CUDA_ERROR_UNKNOWN;
  } else {
    try {
      command.work();
      require_borders(device);
    } catch (const Misuse& misuse) {
      note_problem(std::string(command.what) + ": " + misuse.what());
      status = CUDA_ERROR_ILLEGAL_ADDRESS;
    }
  }
  if (status != CUDA_SUCCESS) late_errors().try_emplace(device, status);
}

// The oldest command of a drawn stream that waits for nothing. False when there is none.
bool run_one() {
  static std::mt19937_64 random(options().seed);
  std::vector<CUstream> ready;
  for (const CUstream stream : streams()) {
    if (stream->commands.empty()) continue;
    const Mark& awaits = stream->commands.front().awaits;
    if (awaits == nullptr || awaits->is_reached) ready.push_back(stream);
  }
  if (ready.empty()) return false;
  const CUstream stream = ready[random() % ready.size()];
  const Command command = std::move(stream->commands.front());
  stream->commands.pop_front();
  run(stream->device, command);
  return true;
}

template <class Done>
void run_until(const Done& done) {
  while (!done())
    require(run_one(), "waits for what will never happen");
}

CUresult tell(int device) {
  const auto found = late_errors().find(device);
  if (found == late_errors().end()) return CUDA_SUCCESS;
  const CUresult status = found->second;
  late_errors().erase(found);
  return status;
}

}  // namespace

void issue(CUstream stream, Command command) {
  require_stream(stream);
  streams().insert(stream);
  stream->commands.push_back(std::move(command));
}

CUresult finish(CUstream stream) {
  run_until([&] { return stream->commands.empty(); });
  streams().erase(stream);
  return tell(stream->device);
}

CUresult reach(const Mark& mark) {
  if (mark != nullptr) run_until([&] { return mark->is_reached; });
  return tell(current_device());
}

void require_stream(CUstream stream) {
  require(stream != nullptr, "the default stream, which waits for every other one");
  require(require_object(stream, kStream) == current_device(), "a stream of another context");
}

void forget_errors(int device) {
  late_errors().erase(device);
}

}  // namespace cuda_double
