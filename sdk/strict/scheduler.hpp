// Streams that run late: commands wait in their streams until somebody must have them done, and streams
// that don't wait for each other run in a drawn order.
#pragma once

#include "memory.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <utility>

namespace dlrun::strict {

// What a command does with its memories, in the order they were given.
using Work = std::function<void(const std::vector<Span>&)>;
using Mark = std::shared_ptr<bool>;  // whether the point that an event stands for was reached

struct Command {
  std::string what;
  std::vector<dlr_mem> mems;
  Work work;
  const void* object = nullptr;  // the plan or kernel that it needs
  Mark awaits;
};

struct Stream {
  std::deque<Command> commands;
};

class Scheduler {
 public:
  // The n-th command fails (0: none); one of `late` issued commands lets another one run (0: none).
  Scheduler(Memory& memory, uint64_t seed, uint64_t late, uint64_t fail_late);

  // Into a stream; without one it is done when this returns, whatever the streams do.
  void issue(Stream* stream, Command command);
  // Runs what it must until the stream (null: all) is empty, then throws what failed since the last time.
  void finish(Stream* stream);
  Stream* add_stream();
  // What is wrong with it; "" when nothing is.
  std::string remove_stream(Stream* stream);
  // Whether a command that isn't done needs it.
  bool needs(const void* object) const;
  bool needs(const dlr_mem& mem) const;
  // An error that the next finish throws.
  void report_late(const std::string& message);
  size_t n_streams() const { return streams_.size(); }

 private:
  bool run_one();
  void run(Command command);

  Memory& memory_;
  std::mt19937_64 random_;
  uint64_t late_;
  uint64_t fail_late_;
  uint64_t n_run_ = 0;
  std::string late_error_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

}  // namespace dlrun::strict
