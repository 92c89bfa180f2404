/* Softmax along an axis of C channels, where there is no operator for it. Outer axes make up N,
 * inner ones S. */

/* S is 1: one group for each n, its channels side by side. */
DLR_KERNEL(softmax_rows, DLR_IN(real) x, DLR_OUT(real) y, idx channels) {
  DLR_GROUPS(n) {
    const idx row = n * channels;
    acc_t most = x[row];
    DLR_LANES_MAX(c, channels, most)
      most = x[row + c] > most ? x[row + c] : most;
    most = DLR_GROUP_MAX(most);
    acc_t sum = 0;
    DLR_LANES_SUM(c, channels, sum) {
      const real e = dlr_exp(x[row + c] - most);
      y[row + c] = e;
      sum += e;
    }
    sum = DLR_GROUP_SUM(sum);
    DLR_LANES(c, channels)
      y[row + c] /= sum;
  }
}

/* One row for each n, a column for each position of S. */
DLR_KERNEL(softmax_positions, DLR_IN(real) x, DLR_OUT(real) y, idx channels, idx inner) {
  DLR_ROWS(n, inner) {
    const idx image = n * channels * inner;
    DLR_COLS(s, inner) {
      acc_t most = x[image + s];
      for (idx c = 1; c < channels; ++c) {
        const real value = x[image + c * inner + s];
        most = value > most ? value : most;
      }
      acc_t sum = 0;
      for (idx c = 0; c < channels; ++c) {
        const real e = dlr_exp(x[image + c * inner + s] - most);
        y[image + c * inner + s] = e;
        sum += e;
      }
      for (idx c = 0; c < channels; ++c)
        y[image + c * inner + s] /= sum;
    }
  }
}

/* dx = y (dy - sum over channels of y dy) */
DLR_KERNEL(softmax_rows_gradient, DLR_IN(real) y, DLR_IN(real) dy, DLR_OUT(real) dx, idx channels) {
  DLR_GROUPS(n) {
    const idx row = n * channels;
    acc_t sum = 0;
    DLR_LANES_SUM(c, channels, sum)
      sum += y[row + c] * dy[row + c];
    sum = DLR_GROUP_SUM(sum);
    DLR_LANES(c, channels)
      dx[row + c] = y[row + c] * (dy[row + c] - sum);
  }
}

DLR_KERNEL(softmax_positions_gradient, DLR_IN(real) y, DLR_IN(real) dy, DLR_OUT(real) dx,
           idx channels, idx inner) {
  DLR_ROWS(n, inner) {
    const idx image = n * channels * inner;
    DLR_COLS(s, inner) {
      acc_t sum = 0;
      for (idx c = 0; c < channels; ++c) {
        const idx i = image + c * inner + s;
        sum += y[i] * dy[i];
      }
      for (idx c = 0; c < channels; ++c) {
        const idx i = image + c * inner + s;
        dx[i] = y[i] * (dy[i] - sum);
      }
    }
  }
}
