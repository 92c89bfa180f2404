// Addresses from one reserved range that is never mapped.
#include "memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <new>

#include "control.hpp"

namespace cuda_double {

namespace {

constexpr uint64_t kRange = uint64_t{1} << 40;
constexpr uint64_t kAlignment = 256;  // CUDA's
constexpr uint64_t kBorder = 128;
constexpr unsigned char kNan = 0xFF;  // as floats and doubles

struct AlignedDelete {
  void operator()(char* memory) const { ::operator delete(memory, std::align_val_t(kBorder)); }
};

struct Piece {
  int device;
  uint64_t bytes;
  std::unique_ptr<char, AlignedDelete> memory;  // border, bytes, border

  bool is_whole() const {
    const auto is_nan = [](char byte) { return static_cast<unsigned char>(byte) == kNan; };
    const char* end = memory.get() + kBorder + bytes;
    return std::all_of(memory.get(), memory.get() + kBorder, is_nan) &&
           std::all_of(end, end + kBorder, is_nan);
  }
};

struct Memory {
  Memory() {
    void* range =
        mmap(nullptr, kRange, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) throw std::bad_alloc();
    begin = next = reinterpret_cast<uint64_t>(range);
  }
  uint64_t begin;
  uint64_t next;
  std::map<CUdeviceptr, Piece> pieces;
};

Memory& memory() {
  static Memory memory;
  return memory;
}

uint64_t used(int device) {
  uint64_t bytes = 0;
  for (const auto& [at, piece] : memory().pieces)
    bytes += piece.device == device ? piece.bytes : 0;
  return bytes;
}

}  // namespace

CUdeviceptr allocate(int device, uint64_t bytes) {
  if (used(device) + bytes > options().memory) return 0;
  Memory& all = memory();
  const uint64_t room = (bytes + 2 * kAlignment) / kAlignment * kAlignment;
  if (all.next + room > all.begin + kRange) all.next = all.begin;  // old addresses come again
  const CUdeviceptr at = all.next;
  all.next += room;
  auto* fresh = static_cast<char*>(::operator new(bytes + 2 * kBorder, std::align_val_t(kBorder)));
  std::memset(fresh, kNan, bytes + 2 * kBorder);
  all.pieces.insert_or_assign(at,
                              Piece{device, bytes, std::unique_ptr<char, AlignedDelete>(fresh)});
  return at;
}

void free_memory(int device, CUdeviceptr at) {
  const auto found = memory().pieces.find(at);
  require(found != memory().pieces.end(), "nothing is allocated there");
  require(found->second.device == device, "the memory is another device's");
  require(found->second.is_whole(), "something was written beside the memory");
  memory().pieces.erase(found);
}

char* real_address(int device, CUdeviceptr at, uint64_t bytes, uint64_t alignment) {
  require(at % alignment == 0, "a misaligned address");
  auto found = memory().pieces.upper_bound(at);
  require(found != memory().pieces.begin(), "an address where nothing is allocated");
  const auto& [begin, piece] = *--found;
  require(at <= begin + piece.bytes && bytes <= begin + piece.bytes - at,
          "an address outside of what is allocated");
  require(piece.device == device, "an address of another device");
  return piece.memory.get() + kBorder + (at - begin);
}

void require_borders(int device) {
  for (const auto& [at, piece] : memory().pieces)
    require(piece.device != device || piece.is_whole(), "wrote beside a memory");
}

}  // namespace cuda_double
