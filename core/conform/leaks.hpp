// Whether doing something again and again takes ever more memory, or files.
#pragma once

#include <functional>

namespace dlrun::conform {

// Runs lots of `round`; throws Failure when every one of them keeps more of the heap or more open
// files, and Declined where the heap can't be looked at (under a sanitizer, which tells leaks
// itself).
void require_no_leak(const std::function<void()>& round, int rounds = 10);

}  // namespace dlrun::conform
