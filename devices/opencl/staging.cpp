#include "staging.hpp"

#include <cstdlib>
#include <cstring>

namespace dlrun::opencl {

namespace {

// One more reference: the event is the caller's, too.
Event share(cl_event event) {
  check_cl(clRetainEvent(event), "clRetainEvent");
  return Event(event);
}

}  // namespace

bool wants_staging(cl_device_id device) {
  const char* wish = secure_getenv("DLRUN_OPENCL_STAGING");
  if (wish != nullptr && (*wish == '0' || *wish == '1')) return *wish == '1';
  return !device_fact<cl_bool>(device, CL_DEVICE_HOST_UNIFIED_MEMORY);
}

void Staging::finish(Piece& piece) {
  if (!piece.last_use) return;
  const cl_event event = piece.last_use.get();
  clWaitForEvents(1, &event);  // whether it failed is told where it was issued
  piece.last_use = Event();
  if (piece.target != nullptr) std::memcpy(piece.target, piece.address, piece.bytes);
  piece.target = nullptr;
}

void Staging::complete() {
  for (size_t i = 0; i < pieces_.size(); ++i) {  // in the order of issue
    Piece& piece = pieces_[(next_ + i) % pieces_.size()];
    if (piece.target != nullptr) finish(piece);
  }
}

Staging::Piece& Staging::next_piece(cl_command_queue queue) {
  Piece& piece = pieces_[next_];
  next_ = (next_ + 1) % pieces_.size();
  finish(piece);
  if (piece.address != nullptr) return piece;
  cl_int status = CL_SUCCESS;
  piece.buffer = Buffer(clCreateBuffer(context_, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR,
                                       kPieceBytes, nullptr, &status));
  check_cl(status, "clCreateBuffer");
  piece.address = clEnqueueMapBuffer(queue, piece.buffer.get(), CL_TRUE, CL_MAP_READ | CL_MAP_WRITE,
                                     0, kPieceBytes, 0, nullptr, nullptr, &status);
  check_cl(status, "clEnqueueMapBuffer");
  return piece;
}

cl_event Staging::upload(cl_command_queue queue, cl_mem to, size_t at, const void* from,
                         size_t bytes) {
  complete();  // `from` may be where a download ends
  Piece& piece = next_piece(queue);
  std::memcpy(piece.address, from, bytes);
  cl_event event = nullptr;
  check_cl(clEnqueueWriteBuffer(queue, to, CL_FALSE, at, bytes, piece.address, 0, nullptr, &event),
           "clEnqueueWriteBuffer");
  piece.last_use = share(event);
  return event;
}

cl_event Staging::download(cl_command_queue queue, void* to, cl_mem from, size_t at, size_t bytes) {
  Piece& piece = next_piece(queue);
  cl_event event = nullptr;
  check_cl(clEnqueueReadBuffer(queue, from, CL_FALSE, at, bytes, piece.address, 0, nullptr, &event),
           "clEnqueueReadBuffer");
  piece.last_use = share(event);
  piece.target = to;
  piece.bytes = bytes;
  return event;
}

void Staging::release(cl_command_queue queue) {
  for (Piece& piece : pieces_) {
    if (piece.address == nullptr) continue;
    clEnqueueUnmapMemObject(queue, piece.buffer.get(), piece.address, 0, nullptr, nullptr);
    piece = Piece();
  }
  clFinish(queue);
}

}  // namespace dlrun::opencl
