// A kernel that no list names, for the plugins that launch it all the same.
#pragma once

#include <dlrun/plugin.hpp>

namespace gallery {

// y = 1 y, as a kernel that no list names.
template <class T>
void keep_items(const dlr_kernel_arg* args, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    reinterpret_cast<T*>(args[0].mem.handle + args[0].mem.offset)[i] *= T(1);
}
inline const dlr_cpu_variant kBaseline = {sizeof(dlr_cpu_variant), dlrun::literal("baseline"),
                                          keep_items<float>,       keep_items<double>,
                                          keep_items<float>,       keep_items<double>};
inline const dlr_cpu_variant* const kVariants[] = {&kBaseline};
inline const dlr_kernel kUnlisted = {sizeof(dlr_kernel),
                                     dlrun::literal("keep"),
                                     dlrun::literal("DLR_OUT(real) y"),
                                     {},
                                     kVariants,
                                     1,
                                     1,
                                     1,
                                     0,
                                     0};

}  // namespace gallery
