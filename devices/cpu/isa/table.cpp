// table.cpp: the tables of one instruction set.
#include "build.hpp"

namespace dlrun::cpu::DLR_ISA {

template <class T>
const Functions<T>& functions() {
  static const Functions<T> table{tile_functions<T>(), pooling_functions<T>(),
                                  normalize_functions<T>()};
  return table;
}
template const Functions<float>& functions<float>();
template const Functions<double>& functions<double>();

}  // namespace dlrun::cpu::DLR_ISA
