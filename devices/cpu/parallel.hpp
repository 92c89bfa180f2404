// parallel.hpp: loops over the host's threads.
#pragma once

#include <dlrun/error.hpp>

namespace dlrun::cpu {

// Calls body(begin, end) on ranges that cover [0, n). `body` must not throw.
template <class Body>
void parallel_for(int64_t n, int64_t grain, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  host().parallel_for(
      n, grain,
      [](void* context, int64_t begin, int64_t end) {
        (*static_cast<Plain*>(context))(begin, end);
      },
      const_cast<std::remove_const_t<Plain>*>(&body));
}

// Below this many elements a loop costs less than waking a second thread.
constexpr int64_t kSerialElements = 16384;

// The least number of items, of `width` elements each, that is worth a thread.
inline int64_t grain_for(int64_t width) {
  return width >= kSerialElements ? 1 : (kSerialElements + width - 1) / (width > 0 ? width : 1);
}

// The part of [0, n) that slot `slot` of `slots` does.
struct Range {
  int64_t begin;
  int64_t end;
};
inline Range part_of(int64_t n, int64_t slot, int64_t slots) {
  return {n * slot / slots, n * (slot + 1) / slots};
}

// Calls body(slot) once for each slot, in parallel. What a slot does depends on its number only, so
// that results and the use of each slot's own workspace don't depend on which thread takes it.
template <class Body>
void for_each_slot(int64_t slots, Body&& body) {
  parallel_for(slots, 1, [&](int64_t begin, int64_t end) {
    for (int64_t slot = begin; slot < end; ++slot)
      body(slot);
  });
}

}  // namespace dlrun::cpu
