#include "core/conform/leaks.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <cstddef>
#include <fstream>

#include "core/conform/process_state.hpp"
#include "core/conform/runner.hpp"

namespace dlrun::conform {
namespace {

std::size_t heap_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

// Address space, for what is taken in pages and not from the heap.
std::size_t mapped_bytes() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

struct Taken {
  std::size_t heap;
  std::size_t mapped;
};

}  // namespace

void require_no_leak(const std::function<void()>& round, int rounds) {
  constexpr std::size_t kSmallestBlock = 16;
  constexpr int kMostLots = 12;
  const auto lot = [&] {
    for (int i = 0; i < rounds; ++i)
      round();
    return Taken{heap_bytes(), mapped_bytes()};
  };
  Taken before = lot();
  if (before.heap == 0) decline("the heap can't be looked at under this allocator");
  const std::size_t least = static_cast<std::size_t>(rounds) * kSmallestBlock;
  const int files_before = count_open_files();
  Taken kept{};
  bool heap_grows = true;
  bool mapped_grows = true;
  for (int i = 0; i < kMostLots; ++i) {  // caches fill in the first ones
    const Taken after = lot();
    const int files = count_open_files();
    if (files >= files_before + rounds * (i + 1))
      fail(fmt::format("{} open files stay behind in each round",
                       (files - files_before) / (rounds * (i + 1))),
           "none");
    heap_grows = heap_grows && after.heap >= before.heap + least;
    mapped_grows = mapped_grows && after.mapped > before.mapped;
    if (!heap_grows && !mapped_grows) return;
    kept = {(after.heap - before.heap) / static_cast<std::size_t>(rounds),
            (after.mapped - before.mapped) / static_cast<std::size_t>(rounds)};
    before = after;
  }
  fail(heap_grows ? fmt::format("{} bytes of the heap stay behind in each round", kept.heap)
                  : fmt::format("{} bytes of pages stay behind in each round", kept.mapped),
       "none");
}

}  // namespace dlrun::conform
