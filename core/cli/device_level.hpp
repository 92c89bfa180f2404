// How far a device climbs the ladder of docs/write-a-device.md.
#pragma once

#include <string>

#include "core/memory/device.hpp"

namespace dlrun::cli {

// 0 memory, 1 kernels, 2 gemm, 3 whole layers, 4 private layouts: the highest rung that it has, as
// its functions say, and for operators as it answers when asked to plan small ones.
int level_of(memory::Device& device);
// "2: gemm"
std::string level_text(const memory::Device& device, int level);

}  // namespace dlrun::cli
