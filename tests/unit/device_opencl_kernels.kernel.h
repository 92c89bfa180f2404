/* One kernel of each form of the dialect, for the tests of devices that compile kernels. */
DLR_FN real device_test_wave(real x) {
  return dlr_exp(R(-0.5) * x * x) + dlr_tanh(x) - dlr_floor(x);
}

DLR_ELEMENTWISE(test_wave, DLR_IN(real) x, DLR_OUT(real) y, real shift) {
  DLR_FOR(i)
    y[i] = device_test_wave(x[i] + shift);
}

/* y[r, c] = x[r, c] * scale[c], and without a scale x[r, c] */
DLR_KERNEL(test_scale_columns, DLR_IN(real) x, DLR_IN(real) scale, DLR_OUT(real) y, idx cols) {
  DLR_ROWS(r, cols)
    DLR_COLS(c, cols) {
      y[r * cols + c] = scale ? x[r * cols + c] * scale[c] : x[r * cols + c];
    }
}

/* sum[g] and most[g] over a row of n */
DLR_KERNEL(test_reduce, DLR_IN(real) x, DLR_OUT(real) sum, DLR_OUT(real) most, idx n) {
  DLR_GROUPS(g) {
    acc_t total = 0;
    DLR_LANES_SUM(k, n, total)
      total += x[g * n + k];
    real largest = x[g * n];
    DLR_LANES_MAX(k, n, largest)
      largest = dlr_fmax(largest, x[g * n + k]);
    const acc_t group_total = DLR_GROUP_SUM(total);
    const real group_largest = DLR_GROUP_MAX(largest);
    DLR_LANE0
    {
      sum[g] = group_total;
      most[g] = group_largest;
    }
  }
}

DLR_KERNEL(test_random, DLR_OUT(u32) bits, u64 seed, u64 stream) {
  DLR_FOR(i)
    bits[i] = dlr_random(seed, stream, (u64)i);
}

DLR_KERNEL(test_scalars, DLR_OUT(real) y, real a, idx b, i32 c, u32 d, u64 e) {
  DLR_FOR(i)
    y[i] = a + R(b) + R(c) + R(d) + R(e);
}

DLR_KERNEL(test_count, DLR_IN(real) values, DLR_OUT(real) bins, idx n_bins) {
  DLR_FOR(i)
    DLR_ATOMIC_ADD(bins + i % n_bins, values[i]);
}
