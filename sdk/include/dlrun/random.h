/* random.h: random numbers as pure functions of (seed, stream, counter), for host code in C and
 * C++. */
#ifndef DLRUN_RANDOM_H_
#define DLRUN_RANDOM_H_

#include <dlrun/abi.h>

#define DLR_FN static inline
#define u32 uint32_t
#define u64 uint64_t
#define dlr_random dlr_host_random /* kernels have functions of their own */
#define dlr_random_block dlr_host_random_block
#include <dlrun/kernel_random.h>
#undef DLR_FN
#undef u32
#undef u64
#undef dlr_random
#undef dlr_random_block

/* 32 random bits. */
static inline uint32_t dlr_random_bits(dlr_random_key key, uint64_t counter) {
  return dlr_host_random(key.seed, key.stream, counter);
}

/* Two numbers uniform in [0, 1), of 53 random bits each. */
static inline void dlr_random_uniforms(dlr_random_key key, uint64_t counter, double numbers[2]) {
  uint32_t words[4];
  dlr_host_random_block(key.seed, key.stream, counter, words);
  for (int i = 0; i < 2; ++i) {
    const uint64_t bits = ((uint64_t)(words[2 * i] >> 5) << 26) | (words[2 * i + 1] >> 6);
    numbers[i] = (double)bits * (1.0 / 9007199254740992.0);
  }
}

/* The first of them. */
static inline double dlr_random_uniform(dlr_random_key key, uint64_t counter) {
  double numbers[2];
  dlr_random_uniforms(key, counter, numbers);
  return numbers[0];
}

#endif /* DLRUN_RANDOM_H_ */
