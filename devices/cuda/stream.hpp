// Work in order, and copies between host and device through pinned memory.
#pragma once

#include <dlrun/abi.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "timer.hpp"

namespace dlrun::cuda {

class Stream;

// A ring of pinned pieces that copies go through: the driver copies from and to other memory of the
// host only while the host waits.
class Staging {
 public:
  explicit Staging(Stream& stream) : stream_(stream) {}
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  void to_device(CUdeviceptr to, const char* from, size_t bytes);
  void to_host(char* to, CUdeviceptr from, size_t bytes);
  // The stream was waited for, with this status: delivers what goes to the host, unless that
  // failed.
  void settle_all(CUresult status);

 private:
  struct Piece {
    char* pinned = nullptr;
    CUevent done = nullptr;
    bool under_way = false;
    char* target = nullptr;  // host memory that gets the piece once it is there
    size_t bytes = 0;
  };
  Piece& next_piece();
  void settle(Piece& piece);
  static void deliver(const Piece& piece);
  void issued(Piece& piece);

  Stream& stream_;
  std::array<Piece, 4> pieces_;
  size_t next_ = 0;
};

class Stream {
 public:
  Stream();
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  CUstream get() const { return stream_; }
  Staging& staging() { return staging_; }
  // Waits for everything issued; throws what failed.
  void finish();

  // Calls work(), which issues a piece of work; `what` names it in spans.
  template <class Work>
  void timed(std::string_view what, Work&& work) {
    if (timer_) timer_->begin(what);
    work();
    if (timer_) timer_->end();
  }
  // Between the two, such pieces are timed.
  void begin_timing(Timeline& timeline) { timer_ = std::make_unique<Timer>(timeline, stream_); }
  void end_timing() { timer_.reset(); }
  // Null while nothing is timed.
  Timer* timer() { return timer_.get(); }

 private:
  CUstream stream_;
  Staging staging_;
  std::unique_ptr<Timer> timer_;
};

// The device address of a memory; 0 for an absent one. `space` is the device's own.
CUdeviceptr address_of(const dlr_mem& mem, uint64_t space);

// Memory work. The space allowed beside the device's is the host's.
void copy(Stream& stream, uint64_t space, const dlr_mem& to, const dlr_mem& from, uint64_t bytes);
void zero(Stream& stream, uint64_t space, const dlr_mem& mem, uint64_t bytes);

}  // namespace dlrun::cuda
