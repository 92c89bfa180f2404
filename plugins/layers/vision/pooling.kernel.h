/* Pooling, where there is no operator for it. One row is a line of a plane (one channel of one
 * image); sizes are of the input plane (depth, height, width) and of the output. A window is
 * clipped to the plane. */

/* First element of window `o` of an axis, and the one behind its last. */
DLR_FN idx pooling_begin(idx o, idx stride, idx pad) {
  const idx begin = o * stride - pad;
  return begin > 0 ? begin : 0;
}
DLR_FN idx pooling_end(idx o, idx window, idx stride, idx pad, idx size) {
  const idx end = o * stride - pad + window;
  return end < size ? end : size;
}
/* First window that holds element `i` of an axis, and the one behind the last. */
DLR_FN idx pooling_first_window(idx i, idx window, idx stride, idx pad) {
  const idx from = i + pad - window;
  return from < 0 ? 0 : from / stride + 1;
}
DLR_FN idx pooling_last_window(idx i, idx stride, idx pad, idx out) {
  const idx end = (i + pad) / stride + 1;
  return end < out ? end : out;
}
/* Elements of a window clipped to the padded axis: what an average is divided by. */
DLR_FN idx pooling_padded_size(idx o, idx window, idx stride, idx pad, idx size) {
  const idx begin = o * stride - pad;
  const idx end = begin + window;
  return (end < size + pad ? end : size + pad) - begin;
}

DLR_KERNEL(pooling_max, DLR_IN(real) x, DLR_OUT(real) y, idx depth, idx height, idx width,
           idx kernel_d, idx kernel_h, idx kernel_w, idx stride_d, idx stride_h, idx stride_w,
           idx pad_d, idx pad_h, idx pad_w, idx out_d, idx out_h, idx out_w) {
  DLR_ROWS(r, out_w) {
    const idx plane = r / (out_d * out_h) * depth * height * width;
    const idx od = r / out_h % out_d;
    const idx oh = r % out_h;
    const idx d0 = pooling_begin(od, stride_d, pad_d);
    const idx d1 = pooling_end(od, kernel_d, stride_d, pad_d, depth);
    const idx h0 = pooling_begin(oh, stride_h, pad_h);
    const idx h1 = pooling_end(oh, kernel_h, stride_h, pad_h, height);
    DLR_COLS(ow, out_w) {
      const idx w0 = pooling_begin(ow, stride_w, pad_w);
      const idx w1 = pooling_end(ow, kernel_w, stride_w, pad_w, width);
      real most = x[plane + (d0 * height + h0) * width + w0];
      for (idx d = d0; d < d1; ++d) {
        for (idx h = h0; h < h1; ++h) {
          for (idx w = w0; w < w1; ++w) {
            const real value = x[plane + (d * height + h) * width + w];
            most = value > most ? value : most;
          }
        }
      }
      y[r * out_w + ow] = most;
    }
  }
}

/* Where in its plane the first largest element of each window is. */
DLR_KERNEL(pooling_max_at, DLR_IN(real) x, DLR_OUT(i32) at, idx depth, idx height, idx width,
           idx kernel_d, idx kernel_h, idx kernel_w, idx stride_d, idx stride_h, idx stride_w,
           idx pad_d, idx pad_h, idx pad_w, idx out_d, idx out_h, idx out_w) {
  DLR_ROWS(r, out_w) {
    const idx plane = r / (out_d * out_h) * depth * height * width;
    const idx od = r / out_h % out_d;
    const idx oh = r % out_h;
    const idx d0 = pooling_begin(od, stride_d, pad_d);
    const idx d1 = pooling_end(od, kernel_d, stride_d, pad_d, depth);
    const idx h0 = pooling_begin(oh, stride_h, pad_h);
    const idx h1 = pooling_end(oh, kernel_h, stride_h, pad_h, height);
    DLR_COLS(ow, out_w) {
      const idx w0 = pooling_begin(ow, stride_w, pad_w);
      const idx w1 = pooling_end(ow, kernel_w, stride_w, pad_w, width);
      idx best = (d0 * height + h0) * width + w0;
      real most = x[plane + best];
      for (idx d = d0; d < d1; ++d) {
        for (idx h = h0; h < h1; ++h) {
          for (idx w = w0; w < w1; ++w) {
            const idx i = (d * height + h) * width + w;
            const real value = x[plane + i];
            best = value > most ? i : best;
            most = value > most ? value : most;
          }
        }
      }
      at[r * out_w + ow] = (i32)best;
    }
  }
}

/* Draws an element of each window, with a probability in proportion to its value (values are at
 * least 0). */
DLR_KERNEL(pooling_draw_at, DLR_IN(real) x, DLR_OUT(i32) at, u64 seed, u64 stream, idx depth,
           idx height, idx width, idx kernel_d, idx kernel_h, idx kernel_w, idx stride_d,
           idx stride_h, idx stride_w, idx pad_d, idx pad_h, idx pad_w, idx out_d, idx out_h,
           idx out_w) {
  DLR_ROWS(r, out_w) {
    const idx plane = r / (out_d * out_h) * depth * height * width;
    const idx od = r / out_h % out_d;
    const idx oh = r % out_h;
    const idx d0 = pooling_begin(od, stride_d, pad_d);
    const idx d1 = pooling_end(od, kernel_d, stride_d, pad_d, depth);
    const idx h0 = pooling_begin(oh, stride_h, pad_h);
    const idx h1 = pooling_end(oh, kernel_h, stride_h, pad_h, height);
    DLR_COLS(ow, out_w) {
      const idx w0 = pooling_begin(ow, stride_w, pad_w);
      const idx w1 = pooling_end(ow, kernel_w, stride_w, pad_w, width);
      acc_t sum = 0;
      for (idx d = d0; d < d1; ++d) {
        for (idx h = h0; h < h1; ++h) {
          for (idx w = w0; w < w1; ++w)
            sum += x[plane + (d * height + h) * width + w];
        }
      }
      const u32 bits = dlr_random(seed, stream, (u64)(r * out_w + ow)) >> 8;
      const acc_t wanted = sum * ((real)bits * R(5.9604644775390625e-8)); /* 2^-24 */
      idx drawn = (d0 * height + h0) * width + w0;
      acc_t passed = 0;
      for (idx d = d0; d < d1; ++d) {
        for (idx h = h0; h < h1; ++h) {
          for (idx w = w0; w < w1; ++w) {
            const idx i = (d * height + h) * width + w;
            const real value = x[plane + i];
            drawn = passed <= wanted && value > R(0) ? i : drawn;
            passed += value;
          }
        }
      }
      at[r * out_w + ow] = (i32)drawn;
    }
  }
}

/* The mean of each window, every element weighed by its own value: the expectation of
 * pooling_draw_at. */
DLR_KERNEL(pooling_expected, DLR_IN(real) x, DLR_OUT(real) y, idx depth, idx height, idx width,
           idx kernel_d, idx kernel_h, idx kernel_w, idx stride_d, idx stride_h, idx stride_w,
           idx pad_d, idx pad_h, idx pad_w, idx out_d, idx out_h, idx out_w) {
  DLR_ROWS(r, out_w) {
    const idx plane = r / (out_d * out_h) * depth * height * width;
    const idx od = r / out_h % out_d;
    const idx oh = r % out_h;
    const idx d0 = pooling_begin(od, stride_d, pad_d);
    const idx d1 = pooling_end(od, kernel_d, stride_d, pad_d, depth);
    const idx h0 = pooling_begin(oh, stride_h, pad_h);
    const idx h1 = pooling_end(oh, kernel_h, stride_h, pad_h, height);
    DLR_COLS(ow, out_w) {
      const idx w0 = pooling_begin(ow, stride_w, pad_w);
      const idx w1 = pooling_end(ow, kernel_w, stride_w, pad_w, width);
      acc_t sum = 0;
      acc_t squares = 0;
      for (idx d = d0; d < d1; ++d) {
        for (idx h = h0; h < h1; ++h) {
          for (idx w = w0; w < w1; ++w) {
            const real value = x[plane + (d * height + h) * width + w];
            sum += value;
            squares += value * value;
          }
        }
      }
      y[r * out_w + ow] = sum > R(0) ? squares / sum : R(0);
    }
  }
}

/* y[i] = x[at[i]] within each plane */
DLR_KERNEL(pooling_pick, DLR_IN(real) x, DLR_IN(i32) at, DLR_OUT(real) y, idx plane_in,
           idx plane_out) {
  DLR_ROWS(p, plane_out) {
    DLR_COLS(o, plane_out)
      y[p * plane_out + o] = x[p * plane_in + at[p * plane_out + o]];
  }
}

/* The positions as numbers, for the second top. */
DLR_KERNEL(pooling_positions, DLR_IN(i32) at, DLR_OUT(real) positions) {
  DLR_FOR(i)
    positions[i] = (real)at[i];
}

/* Each element gathers the gradients of the windows that took it. */
DLR_KERNEL(pooling_picked_gradient, DLR_IN(i32) at, DLR_IN(real) dy, DLR_OUT(real) dx, idx depth,
           idx height, idx width, idx kernel_d, idx kernel_h, idx kernel_w, idx stride_d,
           idx stride_h, idx stride_w, idx pad_d, idx pad_h, idx pad_w, idx out_d, idx out_h,
           idx out_w) {
  DLR_ROWS(r, width) {
    const idx plane = r / (depth * height) * out_d * out_h * out_w;
    const idx d = r / height % depth;
    const idx h = r % height;
    const idx d0 = pooling_first_window(d, kernel_d, stride_d, pad_d);
    const idx d1 = pooling_last_window(d, stride_d, pad_d, out_d);
    const idx h0 = pooling_first_window(h, kernel_h, stride_h, pad_h);
    const idx h1 = pooling_last_window(h, stride_h, pad_h, out_h);
    DLR_COLS(w, width) {
      const idx w0 = pooling_first_window(w, kernel_w, stride_w, pad_w);
      const idx w1 = pooling_last_window(w, stride_w, pad_w, out_w);
      const i32 here = (i32)((d * height + h) * width + w);
      acc_t sum = 0;
      for (idx od = d0; od < d1; ++od) {
        for (idx oh = h0; oh < h1; ++oh) {
          for (idx ow = w0; ow < w1; ++ow) {
            const idx o = plane + (od * out_h + oh) * out_w + ow;
            sum += at[o] == here ? dy[o] : R(0);
          }
        }
      }
      dx[r * width + w] = sum;
    }
  }
}

DLR_KERNEL(pooling_average, DLR_IN(real) x, DLR_OUT(real) y, idx depth, idx height, idx width,
           idx kernel_d, idx kernel_h, idx kernel_w, idx stride_d, idx stride_h, idx stride_w,
           idx pad_d, idx pad_h, idx pad_w, idx out_d, idx out_h, idx out_w) {
  DLR_ROWS(r, out_w) {
    const idx plane = r / (out_d * out_h) * depth * height * width;
    const idx od = r / out_h % out_d;
    const idx oh = r % out_h;
    const idx d0 = pooling_begin(od, stride_d, pad_d);
    const idx d1 = pooling_end(od, kernel_d, stride_d, pad_d, depth);
    const idx h0 = pooling_begin(oh, stride_h, pad_h);
    const idx h1 = pooling_end(oh, kernel_h, stride_h, pad_h, height);
    const idx area = pooling_padded_size(od, kernel_d, stride_d, pad_d, depth) *
                     pooling_padded_size(oh, kernel_h, stride_h, pad_h, height);
    DLR_COLS(ow, out_w) {
      const idx w0 = pooling_begin(ow, stride_w, pad_w);
      const idx w1 = pooling_end(ow, kernel_w, stride_w, pad_w, width);
      acc_t sum = 0;
      for (idx d = d0; d < d1; ++d) {
        for (idx h = h0; h < h1; ++h) {
          for (idx w = w0; w < w1; ++w)
            sum += x[plane + (d * height + h) * width + w];
        }
      }
      const idx size = area * pooling_padded_size(ow, kernel_w, stride_w, pad_w, width);
      y[r * out_w + ow] = sum / (real)size;
    }
  }
}

DLR_KERNEL(pooling_average_gradient, DLR_IN(real) dy, DLR_OUT(real) dx, idx depth, idx height,
           idx width, idx kernel_d, idx kernel_h, idx kernel_w, idx stride_d, idx stride_h,
           idx stride_w, idx pad_d, idx pad_h, idx pad_w, idx out_d, idx out_h, idx out_w) {
  DLR_ROWS(r, width) {
    const idx plane = r / (depth * height) * out_d * out_h * out_w;
    const idx d = r / height % depth;
    const idx h = r % height;
    const idx d0 = pooling_first_window(d, kernel_d, stride_d, pad_d);
    const idx d1 = pooling_last_window(d, stride_d, pad_d, out_d);
    const idx h0 = pooling_first_window(h, kernel_h, stride_h, pad_h);
    const idx h1 = pooling_last_window(h, stride_h, pad_h, out_h);
    DLR_COLS(w, width) {
      const idx w0 = pooling_first_window(w, kernel_w, stride_w, pad_w);
      const idx w1 = pooling_last_window(w, stride_w, pad_w, out_w);
      acc_t sum = 0;
      for (idx od = d0; od < d1; ++od) {
        const idx size_d = pooling_padded_size(od, kernel_d, stride_d, pad_d, depth);
        for (idx oh = h0; oh < h1; ++oh) {
          const idx size_h = pooling_padded_size(oh, kernel_h, stride_h, pad_h, height);
          for (idx ow = w0; ow < w1; ++ow) {
            const idx size_w = pooling_padded_size(ow, kernel_w, stride_w, pad_w, width);
            const real dy_o = dy[plane + (od * out_h + oh) * out_w + ow];
            sum += dy_o / (real)(size_d * size_h * size_w);
          }
        }
      }
      dx[r * width + w] = sum;
    }
  }
}
