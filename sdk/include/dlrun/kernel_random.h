/* kernel_random.h: Philox 4x32 with ten rounds (Salmon et al., "Parallel Random Numbers: As Easy as
 * 1, 2, 3", SC 2011), in the kernel dialect, so that every device and the host draw the same
 * numbers. The including file defines DLR_FN, u32 and u64. */

/* 128 random bits: a block of four words. */
DLR_FN void dlr_random_block(u64 seed, u64 stream, u64 counter, u32* words) {
  u32 c0 = (u32)counter, c1 = (u32)(counter >> 32);
  u32 c2 = (u32)stream, c3 = (u32)(stream >> 32);
  u32 k0 = (u32)seed, k1 = (u32)(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const u64 p0 = (u64)0xD2511F53u * c0;
    const u64 p1 = (u64)0xCD9E8D57u * c2;
    c0 = (u32)(p1 >> 32) ^ c1 ^ k0;
    c1 = (u32)p1;
    c2 = (u32)(p0 >> 32) ^ c3 ^ k1;
    c3 = (u32)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/* The first of them. */
DLR_FN u32 dlr_random(u64 seed, u64 stream, u64 counter) {
  u32 words[4];
  dlr_random_block(seed, stream, counter, words);
  return words[0];
}
