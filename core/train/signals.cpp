#include "core/train/signals.hpp"

#include <csignal>

namespace dlrun::train {
namespace {

// What a signal handler may touch; signals belong to the process, so these do as well.
volatile std::sig_atomic_t stop = 0;
volatile std::sig_atomic_t snapshot = 0;

void on_interrupt(int) {
  if (stop != 0) std::signal(SIGINT, SIG_DFL);
  stop = 1;
}

void on_hangup(int) {
  snapshot = 1;
}

}  // namespace

SignalWatch::SignalWatch() {
  stop = 0;
  snapshot = 0;
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGHUP, on_hangup);
}

SignalWatch::~SignalWatch() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGHUP, SIG_DFL);
}

bool SignalWatch::stop_requested() const {
  return stop != 0;
}

bool SignalWatch::take_snapshot_request() {
  const bool requested = snapshot != 0;
  snapshot = 0;
  return requested;
}

}  // namespace dlrun::train
