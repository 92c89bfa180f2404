// build.hpp: what each file of an instruction set gives to its table. Include in isa/*.cpp only.
#pragma once

#include "table.hpp"

#ifndef DLR_ISA
#define DLR_ISA baseline
#endif

namespace dlrun::cpu::DLR_ISA {

template <class T>
TileFunctions<T> tile_functions();
template <class T>
PoolingFunctions<T> pooling_functions();
template <class T>
NormalizeFunctions<T> normalize_functions();

}  // namespace dlrun::cpu::DLR_ISA
