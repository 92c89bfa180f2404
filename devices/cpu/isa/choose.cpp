// choose.cpp: the tables of the instruction set that a device was opened with.
#include "choose.hpp"

namespace dlrun::cpu {

#define DLR_DECLARE_TABLE(isa)     \
  namespace isa {                  \
  template <class T>               \
  const Functions<T>& functions(); \
  }
DLR_DECLARE_TABLE(baseline)
#if defined(__x86_64__)
DLR_DECLARE_TABLE(avx2)
DLR_DECLARE_TABLE(avx512)
#endif

template <class T>
const Functions<T>& functions(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512) return avx512::functions<T>();
  if (isa == Isa::kAvx2) return avx2::functions<T>();
#endif
  static_cast<void>(isa);
  return baseline::functions<T>();
}
template const Functions<float>& functions<float>(Isa);
template const Functions<double>& functions<double>(Isa);

}  // namespace dlrun::cpu
