// memory.hpp: host memory for tensors.
#pragma once

#include <cstdint>

namespace dlrun::cpu {

constexpr uint64_t kAlignment = 64;  // a cache line, and the widest vector

void* allocate(uint64_t bytes);  // throws std::bad_alloc
void release(void* memory);

}  // namespace dlrun::cpu
