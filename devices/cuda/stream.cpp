// Streams, and the copies that go through them.
#include "stream.hpp"

#include <algorithm>
#include <cstring>

namespace dlrun::cuda {

namespace {

// Large enough that a copy's own costs vanish, small enough that the first piece travels soon.
constexpr size_t kPieceBytes = size_t{2} << 20;

char* host_address(const dlr_mem& mem) {
  return reinterpret_cast<char*>(static_cast<uintptr_t>(mem.handle + mem.offset));
}

void check_size(const dlr_mem& mem, uint64_t bytes) {
  if (bytes <= mem.bytes) return;
  throw Error("a copy of " + std::to_string(bytes) + " bytes leaves a memory of " +
                  std::to_string(mem.bytes) + " bytes",
              DLR_INTERNAL_ERROR);
}

CUstream make_stream() {
  CUstream stream = nullptr;
  check_cuda(driver().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
  return stream;
}

}  // namespace

Staging::~Staging() {
  for (const Piece& piece : pieces_) {
    if (piece.done != nullptr) driver().cuEventDestroy_v2(piece.done);
    if (piece.pinned != nullptr) driver().cuMemFreeHost(piece.pinned);
  }
}

// Made when first used: most streams copy little.
Staging::Piece& Staging::next_piece() {
  Piece& piece = pieces_[next_];
  next_ = (next_ + 1) % pieces_.size();
  settle(piece);
  if (piece.pinned == nullptr) {
    void* pinned = nullptr;
    check_cuda(driver().cuMemAllocHost_v2(&pinned, kPieceBytes), "cuMemAllocHost");
    piece.pinned = static_cast<char*>(pinned);
  }
  if (piece.done == nullptr)
    check_cuda(driver().cuEventCreate(&piece.done, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
  return piece;
}

// A copy that failed isn't under way any more: its error is reported once.
void Staging::settle(Piece& piece) {
  if (!piece.under_way) return;
  piece.under_way = false;
  check_cuda(driver().cuEventSynchronize(piece.done), "cuEventSynchronize");
  deliver(piece);
}

void Staging::deliver(const Piece& piece) {
  if (piece.target != nullptr) std::memcpy(piece.target, piece.pinned, piece.bytes);
}

void Staging::issued(Piece& piece) {
  check_cuda(driver().cuEventRecord(piece.done, stream_.get()), "cuEventRecord");
  piece.under_way = true;
}

void Staging::to_device(CUdeviceptr to, const char* from, size_t bytes) {
  for (size_t at = 0; at < bytes; at += kPieceBytes) {
    Piece& piece = next_piece();
    piece.target = nullptr;
    piece.bytes = std::min(kPieceBytes, bytes - at);
    std::memcpy(piece.pinned, from + at, piece.bytes);
    stream_.timed("copy to the device", [&] {
      check_cuda(driver().cuMemcpyHtoDAsync_v2(to + at, piece.pinned, piece.bytes, stream_.get()),
                 "cuMemcpyHtoDAsync");
    });
    issued(piece);
  }
}

void Staging::to_host(char* to, CUdeviceptr from, size_t bytes) {
  for (size_t at = 0; at < bytes; at += kPieceBytes) {
    Piece& piece = next_piece();
    piece.target = to + at;
    piece.bytes = std::min(kPieceBytes, bytes - at);
    stream_.timed("copy to the host", [&] {
      check_cuda(driver().cuMemcpyDtoHAsync_v2(piece.pinned, from + at, piece.bytes, stream_.get()),
                 "cuMemcpyDtoHAsync");
    });
    issued(piece);
  }
}

void Staging::settle_all(CUresult status) {
  for (size_t i = 0; i < pieces_.size(); ++i) {
    Piece& piece = pieces_[(next_ + i) % pieces_.size()];  // the oldest first
    if (piece.under_way && status == CUDA_SUCCESS) deliver(piece);
    piece.under_way = false;
  }
}

Stream::Stream() : stream_(make_stream()), staging_(*this) {}

// Waits first: behind this the pinned memory is freed.
Stream::~Stream() {
  driver().cuStreamSynchronize(stream_);
  try {
    if (timer_) timer_->settle();
  } catch (const Error&) {  // its spans are lost
  }
  driver().cuStreamDestroy_v2(stream_);
}

void Stream::finish() {
  const CUresult status = driver().cuStreamSynchronize(stream_);
  staging_.settle_all(status);
  if (timer_ && status != CUDA_SUCCESS) timer_->drop();
  check_cuda(status, "cuStreamSynchronize");
  if (timer_) timer_->settle();
}

CUdeviceptr address_of(const dlr_mem& mem, uint64_t space) {
  if (mem.handle == 0) return 0;
  if (mem.space != space) throw Error("a memory of another device", DLR_INTERNAL_ERROR);
  return mem.handle + mem.offset;
}

void copy(Stream& stream, uint64_t space, const dlr_mem& to, const dlr_mem& from, uint64_t bytes) {
  if (bytes == 0) return;
  check_size(to, bytes);
  check_size(from, bytes);
  if (to.space == DLR_SPACE_HOST && from.space == DLR_SPACE_HOST) {
    stream.finish();
    std::memmove(host_address(to), host_address(from), bytes);
  } else if (from.space == DLR_SPACE_HOST) {
    stream.staging().to_device(address_of(to, space), host_address(from), bytes);
  } else if (to.space == DLR_SPACE_HOST) {
    stream.staging().to_host(host_address(to), address_of(from, space), bytes);
  } else {
    stream.timed("copy within the device", [&] {
      check_cuda(driver().cuMemcpyDtoDAsync_v2(address_of(to, space), address_of(from, space),
                                               bytes, stream.get()),
                 "cuMemcpyDtoDAsync");
    });
  }
}

void zero(Stream& stream, uint64_t space, const dlr_mem& mem, uint64_t bytes) {
  if (bytes == 0) return;
  check_size(mem, bytes);
  const CUdeviceptr at = address_of(mem, space);
  constexpr uint64_t kWord = 4;
  stream.timed("zeroing", [&] {
    if ((at | bytes) % kWord == 0) {
      check_cuda(driver().cuMemsetD32Async(at, 0, bytes / kWord, stream.get()), "cuMemsetD32Async");
    } else {
      check_cuda(driver().cuMemsetD8Async(at, 0, bytes, stream.get()), "cuMemsetD8Async");
    }
  });
}

}  // namespace dlrun::cuda
