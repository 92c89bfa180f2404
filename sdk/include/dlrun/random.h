/* random.h: random numbers as pure functions of (seed, stream, counter), for host code in C and
 * C++. */
#ifndef DLRUN_RANDOM_H_
#define DLRUN_RANDOM_H_

#include <dlrun/abi.h>

#define DLR_FN static inline
#define u32 uint32_t
#define u64 uint64_t
#define dlr_random dlr_host_random /* kernels have a dlr_random of their own */
#include <dlrun/kernel_random.h>
#undef DLR_FN
#undef u32
#undef u64
#undef dlr_random

/* 32 random bits. */
static inline uint32_t dlr_random_bits(dlr_random_key key, uint64_t counter) {
  return dlr_host_random(key.seed, key.stream, counter);
}

/* Uniform in [0, 1), 53 random bits; draws counters 2 * counter and 2 * counter + 1. */
static inline double dlr_random_uniform(dlr_random_key key, uint64_t counter) {
  const uint64_t high = dlr_random_bits(key, 2 * counter) >> 5;
  const uint64_t low = dlr_random_bits(key, 2 * counter + 1) >> 6;
  return (double)((high << 26) | low) * (1.0 / 9007199254740992.0);
}

#endif /* DLRUN_RANDOM_H_ */
