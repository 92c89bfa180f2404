/* BatchNorm, where there is no operator for it. Channels are axis 1 of [N,C,S]. */

/* mean and variance of each channel over N and S; the variance by a second pass, for accuracy */
DLR_KERNEL(batch_norm_statistics, DLR_IN(real) x, DLR_OUT(real) mean, DLR_OUT(real) variance,
           idx batch, idx channels, idx inner, real share) {
  DLR_GROUPS(c) {
    acc_t sum = 0;
    for (idx n = 0; n < batch; ++n) {
      const idx plane = (n * channels + c) * inner;
      acc_t part = 0;
      DLR_LANES_SUM(s, inner, part)
        part += x[plane + s];
      sum += part;
    }
    sum = DLR_GROUP_SUM(sum);
    const acc_t middle = sum * share;
    acc_t squares = 0;
    for (idx n = 0; n < batch; ++n) {
      const idx plane = (n * channels + c) * inner;
      acc_t part = 0;
      DLR_LANES_SUM(s, inner, part) {
        const acc_t distance = x[plane + s] - middle;
        part += distance * distance;
      }
      squares += part;
    }
    squares = DLR_GROUP_SUM(squares);
    DLR_LANE0
    {
      mean[c] = middle;
      variance[c] = squares * share;
    }
  }
}

/* The running averages are sums that are to be divided by `weight`, which counts the batches, older
 * ones less. */
DLR_KERNEL(batch_norm_add, DLR_IN(real) of_batch, DLR_OUT(real) sums, real fraction, real factor) {
  DLR_FOR(c)
    sums[c] = fraction * sums[c] + factor * of_batch[c];
}
DLR_KERNEL(batch_norm_count, DLR_OUT(real) weight, real fraction) {
  DLR_FOR(i)
    weight[i] = fraction * weight[i] + R(1);
}
/* 0 before there was any batch */
DLR_KERNEL(batch_norm_average, DLR_IN(real) sums, DLR_IN(real) weight, DLR_OUT(real) average) {
  DLR_FOR(c)
    average[c] = weight[0] == R(0) ? R(0) : sums[c] / weight[0];
}

/* y = (x - mean) / sqrt(variance + epsilon); one row is a plane of a channel */
DLR_KERNEL(batch_norm_normalize, DLR_IN(real) x, DLR_IN(real) mean, DLR_IN(real) variance,
           DLR_OUT(real) y, idx channels, idx inner, real epsilon) {
  DLR_ROWS(r, inner) {
    const idx c = r % channels;
    const real middle = mean[c];
    const real scale = R(1) / dlr_sqrt(variance[c] + epsilon);
    DLR_COLS(s, inner)
      y[r * inner + s] = (x[r * inner + s] - middle) * scale;
  }
}

/* slope[c] = the mean of dy, curve[c] = the mean of dy z divided by the standard deviation, where z
 * is the normalised x: what the batch's own mean and variance take back from the gradient */
DLR_KERNEL(batch_norm_gradient_means, DLR_IN(real) x, DLR_IN(real) mean, DLR_IN(real) variance,
           DLR_IN(real) dy, DLR_OUT(real) slope, DLR_OUT(real) curve, idx batch, idx channels,
           idx inner, real epsilon, real share) {
  DLR_GROUPS(c) {
    const real middle = mean[c];
    acc_t sum = 0;
    acc_t product = 0;
    for (idx n = 0; n < batch; ++n) {
      const idx plane = (n * channels + c) * inner;
      acc_t part = 0;
      DLR_LANES_SUM(s, inner, part)
        part += dy[plane + s];
      sum += part;
      part = 0;
      DLR_LANES_SUM(s, inner, part)
        part += dy[plane + s] * (x[plane + s] - middle);
      product += part;
    }
    sum = DLR_GROUP_SUM(sum);
    product = DLR_GROUP_SUM(product);
    DLR_LANE0
    {
      slope[c] = sum * share;
      curve[c] = product * share / (variance[c] + epsilon);
    }
  }
}

/* dx = (dy - slope - (x - mean) curve) / sqrt(variance + epsilon) */
DLR_KERNEL(batch_norm_gradient, DLR_IN(real) x, DLR_IN(real) mean, DLR_IN(real) variance,
           DLR_IN(real) dy, DLR_IN(real) slope, DLR_IN(real) curve, DLR_OUT(real) dx, idx channels,
           idx inner, real epsilon) {
  DLR_ROWS(r, inner) {
    const idx c = r % channels;
    const real middle = mean[c];
    const real scale = R(1) / dlr_sqrt(variance[c] + epsilon);
    const real level = slope[c];
    const real tilt = curve[c];
    DLR_COLS(s, inner) {
      const idx i = r * inner + s;
      dx[i] = scale * (dy[i] - level - (x[i] - middle) * tilt);
    }
  }
}

/* dx = dy / sqrt(variance + epsilon): mean and variance are constants */
DLR_KERNEL(batch_norm_gradient_global, DLR_IN(real) variance, DLR_IN(real) dy, DLR_OUT(real) dx,
           idx channels, idx inner, real epsilon) {
  DLR_ROWS(r, inner) {
    const real scale = R(1) / dlr_sqrt(variance[r % channels] + epsilon);
    DLR_COLS(s, inner)
      dx[r * inner + s] = scale * dy[r * inner + s];
  }
}
