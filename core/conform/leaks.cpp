#include "core/conform/leaks.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include <cstddef>

#include "core/conform/process_state.hpp"
#include "core/conform/runner.hpp"

namespace dlrun::conform {
namespace {

std::size_t heap_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace

void require_no_leak(const std::function<void()>& round, int rounds) {
  constexpr std::size_t kSmallestBlock = 16;
  constexpr int kMostLots = 12;
  const auto lot = [&] {
    for (int i = 0; i < rounds; ++i)
      round();
    return heap_bytes();
  };
  std::size_t before = lot();
  if (before == 0) decline("the heap can't be looked at under this allocator");
  const std::size_t least = static_cast<std::size_t>(rounds) * kSmallestBlock;
  const int files_before = count_open_files();
  std::size_t kept = 0;
  for (int i = 0; i < kMostLots; ++i) {  // caches fill in the first ones
    const std::size_t after = lot();
    const int files = count_open_files();
    if (files >= files_before + rounds * (i + 1))
      fail(fmt::format("{} open files stay behind in each round",
                       (files - files_before) / (rounds * (i + 1))),
           "none");
    if (after < before + least) return;
    kept = (after - before) / static_cast<std::size_t>(rounds);
    before = after;
  }
  fail(fmt::format("{} bytes stay behind in each round", kept), "none");
}

}  // namespace dlrun::conform
