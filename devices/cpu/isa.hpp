// isa.hpp: the instruction sets that code of this device and of kernels is built for.
#pragma once

#include <string_view>

namespace dlrun::cpu {

// In rising order: what supports one supports those before it.
enum class Isa { kBaseline, kAvx2, kAvx512 };

std::string_view name_of(Isa isa);

// The best instruction set of this machine, or the lesser one that was asked for by name ("" asks
// for none).
Isa choose_isa(std::string_view wanted);

}  // namespace dlrun::cpu
