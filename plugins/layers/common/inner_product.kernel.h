/* InnerProduct, where there is no operator for it: gemm does the matrix work, these the bias. */

/* y[N,K] += b[K] for each row */
DLR_KERNEL(inner_product_add_bias, DLR_IN(real) b, DLR_OUT(real) y, idx outputs) {
  DLR_ROWS(n, outputs) {
    DLR_COLS(k, outputs)
      y[n * outputs + k] += b[k];
  }
}

/* db[K] = sum of dy[N,K] over rows */
DLR_KERNEL(inner_product_bias_gradient, DLR_IN(real) dy, DLR_OUT(real) db, idx rows, idx outputs) {
  DLR_FOR(k) {
    acc_t sum = 0;
    for (idx n = 0; n < rows; ++n)
      sum += dy[n * outputs + k];
    db[k] = sum;
  }
}
