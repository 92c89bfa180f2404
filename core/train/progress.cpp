#include "core/train/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace dlrun::train {
namespace {

using Clock = std::chrono::steady_clock;

// "0:07", "12:34", "3:05:00"
std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

Progress::Progress(int64_t first_iteration, int64_t last_iteration, double images_per_iteration)
    : first_(first_iteration),
      last_(last_iteration),
      images_per_iteration_(images_per_iteration),
      on_terminal_(::isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      drawn_at_(start_) {}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

double Progress::images_per_second(int64_t iteration) const {
  const double elapsed = seconds();
  return elapsed > 0 ? static_cast<double>(iteration - first_) * images_per_iteration_ / elapsed
                     : 0;
}

std::string Progress::line(const State& state) const {
  const int64_t done = state.iteration - first_;
  const double elapsed = seconds();
  std::string text = fmt::format("iteration {}/{}, loss {:.6g}, lr {:.4g}", state.iteration, last_,
                                 state.loss, state.rate);
  if (done == 0 || elapsed <= 0) return text;
  if (images_per_iteration_ > 0)
    text += fmt::format(", {:.0f} images/s", images_per_second(state.iteration));
  const double left =
      elapsed / static_cast<double>(done) * static_cast<double>(last_ - state.iteration);
  return text + fmt::format(", ETA {}, data wait {:.1f} %", duration_text(left),
                            100 * state.data_wait_seconds / elapsed);
}

void Progress::report(const State& state) {
  clear();
  fmt::print("{}\n", line(state));
  std::fflush(stdout);
}

void Progress::tick(const State& state) {
  if (!on_terminal_ || Clock::now() - drawn_at_ < std::chrono::milliseconds(250)) return;
  drawn_at_ = Clock::now();
  drawn_ = true;
  fmt::print(stderr, "\r\033[K{}", line(state));
  std::fflush(stderr);
}

void Progress::clear() {
  if (!drawn_) return;
  drawn_ = false;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
}

void Progress::pause() {
  clear();
  paused_ = Clock::now();
}

void Progress::resume() {
  start_ += Clock::now() - paused_;
}

}  // namespace dlrun::train
