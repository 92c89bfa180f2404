/* Dropout. Element i is kept when its random number, of 32 bits, reaches the threshold: the same in
 * both directions. */

DLR_KERNEL(dropout, DLR_IN(real) x, DLR_OUT(real) y, u64 seed, u64 stream, u32 threshold,
           real scale) {
  DLR_FOR(i)
    y[i] = dlr_random(seed, stream, (u64)i) >= threshold ? scale * x[i] : R(0);
}
