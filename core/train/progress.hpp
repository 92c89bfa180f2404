// What a long run tells its user: a line that is drawn anew on a terminal, plain lines in a log.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace dlrun::train {

class Progress {
 public:
  Progress(int64_t first_iteration, int64_t last_iteration, double images_per_iteration);

  struct State {
    int64_t iteration;  // done
    double loss;
    double rate;               // learning rate
    double data_wait_seconds;  // so far
  };
  // A plain line.
  void report(const State& state);
  // The terminal's live line, at most a few times a second; nothing when there is no terminal.
  void tick(const State& state);
  // Removes the live line, before anything else is printed.
  void clear();

  // Time that isn't training (tests, snapshots) doesn't count into the rate.
  void pause();
  void resume();
  double images_per_second(int64_t iteration) const;

 private:
  std::string line(const State& state) const;
  double seconds() const;

  int64_t first_;
  int64_t last_;
  double images_per_iteration_;
  bool on_terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point paused_;
  std::chrono::steady_clock::time_point drawn_at_;
};

}  // namespace dlrun::train
