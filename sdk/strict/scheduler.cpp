// Which command runs when.
#include "scheduler.hpp"

#include <algorithm>

namespace dlrun::strict {

Scheduler::Scheduler(Memory& memory, uint64_t seed, uint64_t late, uint64_t fail_late)
    : memory_(memory), random_(seed), late_(late), fail_late_(fail_late) {}

void Scheduler::issue(Stream* stream, Command command) {
  if (stream == nullptr) {
    while (command.awaits != nullptr && !*command.awaits) {
      if (!run_one()) throw Error("strict: waits for an event that nothing will reach", DLR_INTERNAL_ERROR);
    }
    return run(std::move(command));
  }
  stream->commands.push_back(std::move(command));
  if (late_ == 0 || random_() % late_ != 0) return;
  try {
    run_one();
  } catch (const std::exception& error) {
    report_late(error.what());
  }
}

void Scheduler::finish(Stream* stream) {
  const auto is_done = [&] {
    if (stream != nullptr) return stream->commands.empty();
    return std::all_of(streams_.begin(), streams_.end(), [](const auto& each) { return each->commands.empty(); });
  };
  while (!is_done()) {
    try {
      if (!run_one()) throw Error("strict: streams wait for each other's events for ever", DLR_INTERNAL_ERROR);
    } catch (const std::exception& error) {
      report_late(error.what());
    }
  }
  if (!late_error_.empty()) throw Error(std::exchange(late_error_, {}), DLR_DEVICE_ERROR);
}

// The oldest command of a drawn stream that waits for nothing. False when there is none.
bool Scheduler::run_one() {
  std::vector<Stream*> ready;
  for (const auto& stream : streams_) {
    if (stream->commands.empty()) continue;
    const Mark& awaits = stream->commands.front().awaits;
    if (awaits == nullptr || *awaits) ready.push_back(stream.get());
  }
  if (ready.empty()) return false;
  Stream& stream = *ready[random_() % ready.size()];
  Command command = std::move(stream.commands.front());
  stream.commands.pop_front();
  run(std::move(command));
  return true;
}

void Scheduler::run(Command command) {
  if (++n_run_ == fail_late_) throw Error("strict: " + command.what + " failed late, as planned", DLR_DEVICE_ERROR);
  if (!command.work) return;
  const Opened opened(memory_, command.mems);
  command.work(opened.spans());
  opened.require_borders(command.what.c_str());
}

Stream* Scheduler::add_stream() {
  streams_.push_back(std::make_unique<Stream>());
  return streams_.back().get();
}

std::string Scheduler::remove_stream(Stream* stream) {
  const auto found =
      std::find_if(streams_.begin(), streams_.end(), [&](const auto& each) { return each.get() == stream; });
  if (found == streams_.end()) return "a stream is destroyed that isn't there";
  const size_t left = stream->commands.size();
  streams_.erase(found);
  return left == 0 ? "" : "a stream is destroyed with " + std::to_string(left) + " commands that nobody waited for";
}

bool Scheduler::needs(const void* object) const {
  for (const auto& stream : streams_) {
    for (const Command& command : stream->commands) {
      if (command.object == object) return true;
    }
  }
  return false;
}

bool Scheduler::needs(const dlr_mem& mem) const {
  for (const auto& stream : streams_) {
    for (const Command& command : stream->commands) {
      for (const dlr_mem& used : command.mems) {
        if (used.bytes > 0 && used.space == mem.space && used.handle == mem.handle) return true;
      }
    }
  }
  return false;
}

void Scheduler::report_late(const std::string& message) {
  if (late_error_.empty()) late_error_ = message;
}

}  // namespace dlrun::strict
