// Pinned host memory that copies between host and device go through: the device can reach it by
// itself, so that the host waits only for memory that it reads or runs out of. A few pieces, made
// when first used and then used in turn. Devices that share the host's memory copy straight from
// and to it: there a second copy only costs (docs/devices.md).
#pragma once

#include <array>
#include <cstddef>

#include "cl.hpp"

namespace dlrun::opencl {

// Whether copies of the device go through pinned memory: when it has memory of its own, or as
// DLRUN_OPENCL_STAGING in the environment says, 0 or 1.
bool wants_staging(cl_device_id device);

class Staging {
 public:
  explicit Staging(cl_context context) : context_(context) {}

  // Issues a copy of at most kPieceBytes and returns its event. The host's memory may be changed as
  // soon as it returns.
  cl_event upload(cl_command_queue queue, cl_mem to, size_t at, const void* from, size_t bytes);
  // The host's memory holds the elements after `complete`.
  cl_event download(cl_command_queue queue, void* to, cl_mem from, size_t at, size_t bytes);
  // Waits for all downloads and hands them over.
  void complete();
  // Before the end, when nothing is issued any more.
  void release(cl_command_queue queue);

  static constexpr size_t kPieceBytes = size_t{4} << 20;

 private:
  struct Piece {
    Buffer buffer;
    void* address = nullptr;
    Event last_use;          // empty: free
    void* target = nullptr;  // of a download to hand over
    size_t bytes = 0;
  };
  // The piece that was used longest ago, free.
  Piece& next_piece(cl_command_queue queue);
  static void finish(Piece& piece);

  cl_context context_;
  std::array<Piece, 4> pieces_;
  size_t next_ = 0;
};

}  // namespace dlrun::opencl
