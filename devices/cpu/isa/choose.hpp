// choose.hpp: the tables of functions of an instruction set.
#pragma once

#include "../isa.hpp"
#include "table.hpp"

namespace dlrun::cpu {

template <class T>
const Functions<T>& functions(Isa isa);

}  // namespace dlrun::cpu
