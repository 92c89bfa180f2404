// Pages by mmap, locked by mprotect.
#include "memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace dlrun::strict {
namespace {

constexpr uint64_t kNan = 0x7FF8DEAD7FF8DEADull;  // as a double, and as two floats
constexpr uint64_t kAlignment = 64;
constexpr uint64_t kFirstHandle = 0xD15C000000000001ull;  // no address of any process
constexpr uint64_t kMostOffsets = 16;

uint64_t round_up(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// The border's byte at an address: its place in the pattern follows the address.
char pattern_at(const char* at) {
  const auto place = reinterpret_cast<uintptr_t>(at) % sizeof kNan;
  return reinterpret_cast<const char*>(&kNan)[place];
}

bool holds_pattern(const char* begin, const char* end) {
  for (; begin != end && reinterpret_cast<uintptr_t>(begin) % sizeof kNan != 0; ++begin) {
    if (*begin != pattern_at(begin)) return false;
  }
  for (; begin != end; begin += sizeof kNan) {
    if (std::memcmp(begin, &kNan, sizeof kNan) != 0) return false;
  }
  return true;
}

}  // namespace

Memory::Memory(uint64_t space, uint64_t capacity, uint64_t seed)
    : space_(space), capacity_(capacity), next_handle_(kFirstHandle), random_(seed) {}

Memory::~Memory() {
  for (const auto& [handle, piece] : pieces_)
    munmap(piece.pages, piece.mapped);
}

dlr_mem Memory::allocate(uint64_t bytes) {
  if (bytes > capacity_ - used_) {
    throw Error("strict: " + std::to_string(bytes) + " bytes wanted, " + std::to_string(capacity_ - used_) + " of " +
                    std::to_string(capacity_) + " are left",
                DLR_OUT_OF_MEMORY);
  }
  Piece piece{};
  piece.offset = kAlignment * (1 + random_() % kMostOffsets);
  piece.bytes = bytes;
  piece.mapped = round_up(piece.offset + bytes + kAlignment, static_cast<uint64_t>(sysconf(_SC_PAGESIZE)));
  void* pages = mmap(nullptr, piece.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw Error("strict: the host has no more memory", DLR_OUT_OF_MEMORY);
  piece.pages = static_cast<char*>(pages);
  for (uint64_t at = 0; at < piece.mapped; at += sizeof kNan)
    std::memcpy(piece.pages + at, &kNan, sizeof kNan);
  mprotect(piece.pages, piece.mapped, PROT_NONE);
  const dlr_mem mem{space_, next_handle_++, piece.offset, bytes};
  pieces_.emplace(mem.handle, piece);
  used_ += bytes;
  return mem;
}

std::string Memory::release(const dlr_mem& mem) {
  const auto found = pieces_.find(mem.handle);
  if (mem.space != space_ || found == pieces_.end()) return "a memory is released that isn't allocated";
  Piece& piece = found->second;
  std::string problem;
  protect(piece, true);
  if (!borders_are_whole(piece)) problem = "something was written beside a memory";
  if (mem.offset != piece.offset) problem = "a memory is released with another offset than it was allocated with";
  munmap(piece.pages, piece.mapped);
  used_ -= piece.bytes;
  pieces_.erase(found);
  return problem;
}

const Memory::Piece& Memory::find(const dlr_mem& mem) const {
  if (mem.space != space_) {
    throw Error(mem.space == DLR_SPACE_HOST ? "strict: host memory where the device's own is needed"
                                            : "strict: a memory of another device",
                DLR_INTERNAL_ERROR);
  }
  const auto found = pieces_.find(mem.handle);
  if (found == pieces_.end()) throw Error("strict: a memory that isn't allocated, or not any more", DLR_INTERNAL_ERROR);
  return found->second;
}

void Memory::require(const dlr_mem& mem, uint64_t bytes, bool host_too) const {
  if (bytes > mem.bytes) {
    throw Error("strict: " + std::to_string(bytes) + " bytes of a memory of " + std::to_string(mem.bytes),
                DLR_INTERNAL_ERROR);
  }
  if (host_too && mem.space == DLR_SPACE_HOST) return;
  const Piece& piece = find(mem);
  if (mem.offset < piece.offset || mem.offset + mem.bytes > piece.offset + piece.bytes) {
    throw Error("strict: bytes [" + std::to_string(mem.offset) + ", " + std::to_string(mem.offset + mem.bytes) +
                    ") of a handle whose memory is [" + std::to_string(piece.offset) + ", " +
                    std::to_string(piece.offset + piece.bytes) + "); was its offset lost or its length kept?",
                DLR_INTERNAL_ERROR);
  }
}

void Memory::protect(Piece& piece, bool open) {
  if (mprotect(piece.pages, piece.mapped, open ? PROT_READ | PROT_WRITE : PROT_NONE) != 0)
    throw Error("strict: mprotect failed", DLR_DEVICE_ERROR);
}

bool Memory::borders_are_whole(const Piece& piece) const {
  return holds_pattern(piece.pages, piece.pages + piece.offset) &&
         holds_pattern(piece.pages + piece.offset + piece.bytes, piece.pages + piece.mapped);
}

Opened::Opened(Memory& memory, const std::vector<dlr_mem>& mems) : memory_(memory) {
  for (const dlr_mem& mem : mems) {
    if (mem.bytes == 0) {
      spans_.push_back({});
    } else if (mem.space == DLR_SPACE_HOST) {
      spans_.push_back({reinterpret_cast<char*>(static_cast<uintptr_t>(mem.handle + mem.offset)), mem.bytes});
    } else {
      auto& piece = const_cast<Memory::Piece&>(memory.find(mem));
      if (piece.opened++ == 0) memory.protect(piece, true);
      pieces_.push_back(&piece);
      spans_.push_back({piece.pages + mem.offset, mem.bytes});
    }
  }
}

Opened::~Opened() {
  for (Memory::Piece* piece : pieces_) {
    if (--piece->opened == 0) mprotect(piece->pages, piece->mapped, PROT_NONE);
  }
}

void Opened::require_borders(const char* what) const {
  for (const Memory::Piece* piece : pieces_) {
    if (!memory_.borders_are_whole(*piece))
      throw Error(std::string("strict: ") + what + " wrote beside a memory", DLR_INTERNAL_ERROR);
  }
}

}  // namespace dlrun::strict
