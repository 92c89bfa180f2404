// Work in threads: objects of one type in two at once, or one object in another.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/conform/values.hpp"

namespace dlrun::conform {

// `work(i)` makes and uses objects of its own, as thread i, and returns what came out, as bytes.
// Throws Failure when that differs while both threads work.
void require_independent(const std::function<std::string(int)>& work, int rounds = 8);

// Runs work(0), work(1) ... in threads of their own that begin together, to their ends; throws what
// the first of them throws.
void in_threads(int n, const std::function<void(int)>& work);
// The same of one.
void in_another_thread(const std::function<void()>& body);

std::string to_text(const std::vector<Values>& values);  // bit for bit

}  // namespace dlrun::conform
