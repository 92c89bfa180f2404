/* Scale. x is [N,C,S] and the factors are [C]: N counts the axes before theirs, S those behind. */

/* y = factor x + bias; one row is the S elements of one factor. Without a bias `bias` isn't read.
 */
DLR_KERNEL(scale_rows, DLR_IN(real) x, DLR_IN(real) factors, DLR_IN(real) bias, DLR_OUT(real) y,
           idx channels, idx inner, i32 has_bias) {
  DLR_ROWS(r, inner) {
    const idx c = r % channels;
    const real factor = factors[c];
    const real shift = has_bias ? bias[c] : R(0);
    DLR_COLS(s, inner)
      y[r * inner + s] = factor * x[r * inner + s] + shift;
  }
}

/* The same where S is 1; one row is the C elements of one n. */
DLR_KERNEL(scale_columns, DLR_IN(real) x, DLR_IN(real) factors, DLR_IN(real) bias, DLR_OUT(real) y,
           idx channels, i32 has_bias) {
  DLR_ROWS(n, channels) {
    DLR_COLS(c, channels)
      y[n * channels + c] = factors[c] * x[n * channels + c] + (has_bias ? bias[c] : R(0));
  }
}

/* df = the sum over N and S of dy x, db that of dy */
DLR_KERNEL(scale_rows_gradient, DLR_IN(real) x, DLR_IN(real) dy, DLR_OUT(real) df, DLR_OUT(real) db,
           idx outer, idx channels, idx inner) {
  DLR_GROUPS(c) {
    acc_t product = 0;
    acc_t sum = 0;
    for (idx n = 0; n < outer; ++n) {
      const idx line = (n * channels + c) * inner;
      DLR_LANES_SUM(s, inner, product)
        product += dy[line + s] * x[line + s];
      DLR_LANES_SUM(s, inner, sum)
        sum += dy[line + s];
    }
    product = DLR_GROUP_SUM(product);
    sum = DLR_GROUP_SUM(sum);
    DLR_LANE0
    {
      df[c] = product;
      db[c] = sum;
    }
  }
}

/* The same where S is 1. */
DLR_KERNEL(scale_columns_gradient, DLR_IN(real) x, DLR_IN(real) dy, DLR_OUT(real) df,
           DLR_OUT(real) db, idx outer, idx channels) {
  DLR_FOR(c) {
    acc_t product = 0;
    acc_t sum = 0;
    for (idx n = 0; n < outer; ++n) {
      product += dy[n * channels + c] * x[n * channels + c];
      sum += dy[n * channels + c];
    }
    df[c] = product;
    db[c] = sum;
  }
}
