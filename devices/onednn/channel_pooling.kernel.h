/* Pooling over tensors [planes, in_h, in_w, width] whose innermost axis is channels: all of them
 * (channels last), or a block. oneDNN's own, which keeps where maxima came from in bytes, is slower
 * without AVX-512. */

/* The part of an output pixel's window that lies in the input: rows [row0, row1), columns [col0,
 * col1). */
#define WINDOW(pixel)                                             \
  const idx top = (pixel) / out_w * stride_h - pad_h;             \
  const idx left = (pixel) % out_w * stride_w - pad_w;            \
  const idx row0 = top > 0 ? top : 0;                             \
  const idx col0 = left > 0 ? left : 0;                           \
  const idx row1 = top + kernel_h < in_h ? top + kernel_h : in_h; \
  const idx col1 = left + kernel_w < in_w ? left + kernel_w : in_w

/* Elements of the window clipped to the padded input, which averages divide by. */
#define WINDOW_SIZE                                                           \
  R(((top + kernel_h < in_h + pad_h ? top + kernel_h : in_h + pad_h) - top) * \
    ((left + kernel_w < in_w + pad_w ? left + kernel_w : in_w + pad_w) - left))

/* y and, for the backward, the input pixel that it was taken from. */
DLR_KERNEL(channel_pool_max, DLR_IN(real) x, DLR_OUT(real) y, DLR_OUT(i32) taken, idx width,
           idx in_h, idx in_w, idx out_h, idx out_w, idx kernel_h, idx kernel_w, idx stride_h,
           idx stride_w, idx pad_h, idx pad_w) {
  DLR_ROWS(p, width) {
    WINDOW(p % (out_h * out_w));
    const idx from = p / (out_h * out_w) * in_h * in_w;
    DLR_COLS(c, width) {
      y[p * width + c] = x[(from + row0 * in_w + col0) * width + c];
      taken[p * width + c] = row0 * in_w + col0;
    }
    for (idx row = row0; row < row1; ++row) {
      for (idx col = col0; col < col1; ++col) {
        const idx q = row * in_w + col;
        DLR_COLS(c, width) {
          const real value = x[(from + q) * width + c];
          const real most = y[p * width + c];
          taken[p * width + c] = value > most ? (i32)q : taken[p * width + c];
          y[p * width + c] = value > most ? value : most;
        }
      }
    }
  }
}

DLR_KERNEL(channel_pool_max_only, DLR_IN(real) x, DLR_OUT(real) y, idx width, idx in_h, idx in_w,
           idx out_h, idx out_w, idx kernel_h, idx kernel_w, idx stride_h, idx stride_w, idx pad_h,
           idx pad_w) {
  DLR_ROWS(p, width) {
    WINDOW(p % (out_h * out_w));
    const idx from = p / (out_h * out_w) * in_h * in_w;
    DLR_COLS(c, width) {
      y[p * width + c] = x[(from + row0 * in_w + col0) * width + c];
    }
    for (idx row = row0; row < row1; ++row) {
      for (idx col = col0; col < col1; ++col) {
        DLR_COLS(c, width) {
          y[p * width + c] = dlr_fmax(x[(from + row * in_w + col) * width + c], y[p * width + c]);
        }
      }
    }
  }
}

/* One row for each plane: its windows may overlap. */
DLR_KERNEL(channel_pool_max_gradient, DLR_IN(real) dy, DLR_IN(i32) taken, DLR_OUT(real) dx,
           idx width, idx in_h, idx in_w, idx out_h, idx out_w, idx kernel_h, idx kernel_w,
           idx stride_h, idx stride_w, idx pad_h, idx pad_w) {
  DLR_ROWS(plane, width) {
    for (idx q = plane * in_h * in_w; q < (plane + 1) * in_h * in_w; ++q) {
      DLR_COLS(c, width) {
        dx[q * width + c] = 0;
      }
    }
    for (idx pixel = 0; pixel < out_h * out_w; ++pixel) {
      WINDOW(pixel);
      const idx p = plane * out_h * out_w + pixel;
      for (idx row = row0; row < row1; ++row) {
        for (idx col = col0; col < col1; ++col) {
          const idx q = row * in_w + col;
          DLR_COLS(c, width) {
            dx[(plane * in_h * in_w + q) * width + c] +=
                taken[p * width + c] == (i32)q ? dy[p * width + c] : 0;
          }
        }
      }
    }
  }
}

DLR_KERNEL(channel_pool_average, DLR_IN(real) x, DLR_OUT(real) y, idx width, idx in_h, idx in_w,
           idx out_h, idx out_w, idx kernel_h, idx kernel_w, idx stride_h, idx stride_w, idx pad_h,
           idx pad_w) {
  DLR_ROWS(p, width) {
    WINDOW(p % (out_h * out_w));
    const real part = 1 / WINDOW_SIZE;
    const idx from = p / (out_h * out_w) * in_h * in_w;
    DLR_COLS(c, width) {
      y[p * width + c] = 0;
    }
    for (idx row = row0; row < row1; ++row) {
      for (idx col = col0; col < col1; ++col) {
        DLR_COLS(c, width) {
          y[p * width + c] += x[(from + row * in_w + col) * width + c];
        }
      }
    }
    DLR_COLS(c, width) {
      y[p * width + c] *= part;
    }
  }
}

/* One row for each plane. */
DLR_KERNEL(channel_pool_average_gradient, DLR_IN(real) dy, DLR_OUT(real) dx, idx width, idx in_h,
           idx in_w, idx out_h, idx out_w, idx kernel_h, idx kernel_w, idx stride_h, idx stride_w,
           idx pad_h, idx pad_w) {
  DLR_ROWS(plane, width) {
    for (idx q = plane * in_h * in_w; q < (plane + 1) * in_h * in_w; ++q) {
      DLR_COLS(c, width) {
        dx[q * width + c] = 0;
      }
    }
    for (idx pixel = 0; pixel < out_h * out_w; ++pixel) {
      WINDOW(pixel);
      const real part = 1 / WINDOW_SIZE;
      const idx p = plane * out_h * out_w + pixel;
      for (idx row = row0; row < row1; ++row) {
        for (idx col = col0; col < col1; ++col) {
          DLR_COLS(c, width) {
            dx[(plane * in_h * in_w + row * in_w + col) * width + c] += dy[p * width + c] * part;
          }
        }
      }
    }
  }
}
