/* LRN, where there is no operator for it. Every element has a scale, k + alpha * (sum of squares in
 * its window), alpha divided by the window's size already. Windows are symmetric: i is in the
 * window of j when j is in that of i. */

/* Across channels: one row is a channel of an image, columns are its S positions. */
DLR_KERNEL(lrn_across, DLR_IN(real) x, DLR_OUT(real) y, idx channels, idx inner, idx reach, real k,
           real alpha, real beta) {
  DLR_ROWS(r, inner) {
    const idx c = r % channels;
    const idx first = c < reach ? r - c : r - reach;
    const idx last = c + reach < channels ? r + reach : r - c + channels - 1;
    DLR_COLS(s, inner) {
      acc_t sum = 0;
      for (idx q = first; q <= last; ++q)
        sum += x[q * inner + s] * x[q * inner + s];
      y[r * inner + s] = x[r * inner + s] * dlr_pow(k + alpha * sum, -beta);
    }
  }
}

/* factor = scale^-beta, ratio = dy x scale^(-beta - 1): what the gradient is made of. */
DLR_KERNEL(lrn_across_parts, DLR_IN(real) x, DLR_IN(real) dy, DLR_OUT(real) factor,
           DLR_OUT(real) ratio, idx channels, idx inner, idx reach, real k, real alpha, real beta) {
  DLR_ROWS(r, inner) {
    const idx c = r % channels;
    const idx first = c < reach ? r - c : r - reach;
    const idx last = c + reach < channels ? r + reach : r - c + channels - 1;
    DLR_COLS(s, inner) {
      const idx i = r * inner + s;
      acc_t sum = 0;
      for (idx q = first; q <= last; ++q)
        sum += x[q * inner + s] * x[q * inner + s];
      const real scale = k + alpha * sum;
      const real power = dlr_pow(scale, -beta);
      factor[i] = power;
      ratio[i] = dy[i] * x[i] * power / scale;
    }
  }
}

/* dx = dy factor - 2 alpha beta x (sum of ratio in the window) */
DLR_KERNEL(lrn_across_gradient, DLR_IN(real) x, DLR_IN(real) dy, DLR_IN(real) factor,
           DLR_IN(real) ratio, DLR_OUT(real) dx, idx channels, idx inner, idx reach, real alpha,
           real beta) {
  DLR_ROWS(r, inner) {
    const idx c = r % channels;
    const idx first = c < reach ? r - c : r - reach;
    const idx last = c + reach < channels ? r + reach : r - c + channels - 1;
    DLR_COLS(s, inner) {
      const idx i = r * inner + s;
      acc_t sum = 0;
      for (idx q = first; q <= last; ++q)
        sum += ratio[q * inner + s];
      dx[i] = dy[i] * factor[i] - R(2) * alpha * beta * x[i] * sum;
    }
  }
}

/* Within a channel: one row is a line of a plane, columns are its elements. k is 1. */
DLR_FN idx lrn_first(idx i, idx reach) {
  return i < reach ? 0 : i - reach;
}
DLR_FN idx lrn_last(idx i, idx reach, idx size) {
  return i + reach < size ? i + reach : size - 1;
}

DLR_KERNEL(lrn_within, DLR_IN(real) x, DLR_OUT(real) y, idx height, idx width, idx reach,
           real alpha, real beta) {
  DLR_ROWS(r, width) {
    const idx h = r % height;
    const idx first = r - h + lrn_first(h, reach);
    const idx last = r - h + lrn_last(h, reach, height);
    DLR_COLS(w, width) {
      acc_t sum = 0;
      for (idx q = first; q <= last; ++q) {
        for (idx v = lrn_first(w, reach); v <= lrn_last(w, reach, width); ++v) {
          sum += x[q * width + v] * x[q * width + v];
        }
      }
      y[r * width + w] = x[r * width + w] * dlr_pow(R(1) + alpha * sum, -beta);
    }
  }
}

DLR_KERNEL(lrn_within_parts, DLR_IN(real) x, DLR_IN(real) dy, DLR_OUT(real) factor,
           DLR_OUT(real) ratio, idx height, idx width, idx reach, real alpha, real beta) {
  DLR_ROWS(r, width) {
    const idx h = r % height;
    const idx first = r - h + lrn_first(h, reach);
    const idx last = r - h + lrn_last(h, reach, height);
    DLR_COLS(w, width) {
      const idx i = r * width + w;
      acc_t sum = 0;
      for (idx q = first; q <= last; ++q) {
        for (idx v = lrn_first(w, reach); v <= lrn_last(w, reach, width); ++v) {
          sum += x[q * width + v] * x[q * width + v];
        }
      }
      const real scale = R(1) + alpha * sum;
      const real power = dlr_pow(scale, -beta);
      factor[i] = power;
      ratio[i] = dy[i] * x[i] * power / scale;
    }
  }
}

DLR_KERNEL(lrn_within_gradient, DLR_IN(real) x, DLR_IN(real) dy, DLR_IN(real) factor,
           DLR_IN(real) ratio, DLR_OUT(real) dx, idx height, idx width, idx reach, real alpha,
           real beta) {
  DLR_ROWS(r, width) {
    const idx h = r % height;
    const idx first = r - h + lrn_first(h, reach);
    const idx last = r - h + lrn_last(h, reach, height);
    DLR_COLS(w, width) {
      const idx i = r * width + w;
      acc_t sum = 0;
      for (idx q = first; q <= last; ++q) {
        for (idx v = lrn_first(w, reach); v <= lrn_last(w, reach, width); ++v) {
          sum += ratio[q * width + v];
        }
      }
      dx[i] = dy[i] * factor[i] - R(2) * alpha * beta * x[i] * sum;
    }
  }
}
