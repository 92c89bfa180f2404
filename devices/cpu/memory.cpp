// memory.cpp: aligned blocks, large ones in large pages.
#include "memory.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace dlrun::cpu {
namespace {

constexpr uint64_t kLargePage = uint64_t{2} << 20;
constexpr uint64_t kLargePageFrom = 2 * kLargePage;

uint64_t round_up(uint64_t bytes, uint64_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

}  // namespace

void* allocate(uint64_t bytes) {
  const bool large = bytes >= kLargePageFrom;
  const uint64_t alignment = large ? kLargePage : kAlignment;
  const uint64_t rounded = bytes == 0 ? alignment : round_up(bytes, alignment);
  if (rounded < bytes) throw std::bad_alloc();
  void* memory = std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  if (large) madvise(memory, rounded, MADV_HUGEPAGE);
  return memory;
}

void release(void* memory) {
  std::free(memory);
}

}  // namespace dlrun::cpu
