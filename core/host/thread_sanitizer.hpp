// What ThreadSanitizer can't see by itself. OpenMP's runtime isn't built with it, and its threads
// wait for each other in ways of its own; so core says where one thread's work comes before
// another's. Nothing in other builds.
#pragma once

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace dlrun::host {

// All that this thread did so far comes before what another does after `order_after(point)`.
inline void order_before([[maybe_unused]] void* point) {
#if defined(__SANITIZE_THREAD__)
  __tsan_release(point);
#endif
}

inline void order_after([[maybe_unused]] void* point) {
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(point);
#endif
}

}  // namespace dlrun::host
