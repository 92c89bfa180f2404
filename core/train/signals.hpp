// SIGINT: snapshot and stop. SIGHUP: snapshot. A second SIGINT ends the process at once.
#pragma once

namespace dlrun::train {

// While it lives, the two signals are noted instead of ending the process. At most one at a time.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  bool stop_requested() const;
  // True once for each SIGHUP.
  bool take_snapshot_request();
};

}  // namespace dlrun::train
