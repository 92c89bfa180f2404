// Objects of one type in two threads at once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/conform/values.hpp"

namespace dlrun::conform {

// `work(i)` makes and uses objects of its own, as thread i, and returns what came out, as bytes.
// Throws Failure when that differs while both threads work.
void require_independent(const std::function<std::string(int)>& work, int rounds = 8);

// Runs it in a thread of its own, to its end; throws what it throws.
void in_another_thread(const std::function<void()>& body);

std::string to_text(const std::vector<Values>& values);  // bit for bit

}  // namespace dlrun::conform
