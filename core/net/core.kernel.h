/* Core's own arithmetic: what it does with values and gradients, on whatever device holds them. */

/* y = value */
DLR_ELEMENTWISE(core_fill, DLR_OUT(real) y, real value) {
  DLR_FOR(i)
    y[i] = value;
}

/* y = x */
DLR_ELEMENTWISE_ZERO(core_copy, DLR_IN(real) x, DLR_OUT(real) y) {
  DLR_FOR(i)
    y[i] = x[i];
}

/* y += x */
DLR_ELEMENTWISE_ZERO(core_add, DLR_IN(real) x, DLR_OUT(real) y) {
  DLR_FOR(i)
    y[i] += x[i];
}

/* y = scale * y */
DLR_ELEMENTWISE_ZERO(core_scale, DLR_OUT(real) y, real scale) {
  DLR_FOR(i)
    y[i] *= scale;
}

/* g = scale * g + l2 * w + l1 * sign(w) */
DLR_ELEMENTWISE_ZERO(core_regularize, DLR_OUT(real) g, DLR_IN(real) w, real scale, real l2,
                     real l1) {
  DLR_FOR(i) {
    const real sign = w[i] > R(0) ? R(1) : (w[i] < R(0) ? R(-1) : R(0));
    g[i] = scale * g[i] + l2 * w[i] + l1 * sign;
  }
}

/* partial[g] = sum of x[i]^2 over the g-th chunk of `chunk` elements of x[n] */
DLR_KERNEL(core_square_sums, DLR_IN(real) x, DLR_OUT(real) partial, idx n, idx chunk) {
  DLR_GROUPS(g) {
    const idx first = g * chunk;
    const idx length = n - first < chunk ? n - first : chunk;
    acc_t sum = 0;
    DLR_LANES_SUM(k, length, sum)
      sum += x[first + k] * x[first + k];
    sum = DLR_GROUP_SUM(sum);
    DLR_LANE0
    partial[g] = sum;
  }
}

/* C[m,n] = alpha op(A)[m,k] op(B)[k,n] + beta C: for devices without a gemm of their own. Row r and
 * column c of op(A) and op(B) lie at a_row * r + a_col * c and b_row * r + b_col * c. */
DLR_KERNEL(core_gemm, DLR_IN(real) a, DLR_IN(real) b, DLR_OUT(real) c, idx n, idx k, idx a_row,
           idx a_col, idx b_row, idx b_col, idx ldc, real alpha, real beta) {
  DLR_ROWS(i, n) {
    DLR_COLS(j, n) {
      acc_t sum = 0;
      for (idx p = 0; p < k; ++p)
        sum += a[i * a_row + p * a_col] * b[p * b_row + j * b_col];
      c[i * ldc + j] = alpha * sum + (beta == R(0) ? R(0) : beta * c[i * ldc + j]);
    }
  }
}
