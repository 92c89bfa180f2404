/* Convolution as matrix products, where there is no operator for it. im2col lays out one image x
 * [C,D,H,W] as columns [C*KD*KH*KW, OD*OH*OW]: what each filter element sees at each output
 * position, 0 in the padding. col2im is its transpose. Sizes are of the input (depth, height,
 * width), the kernel and the output. */

/* One row: a line of outputs (od, oh, *) of one filter element (c, kd, kh, kw). */
DLR_KERNEL(im2col, DLR_IN(real) x, DLR_OUT(real) columns, idx depth, idx height, idx width,
           idx kernel_d, idx kernel_h, idx kernel_w, idx stride_d, idx stride_h, idx stride_w,
           idx pad_d, idx pad_h, idx pad_w, idx dilation_d, idx dilation_h, idx dilation_w,
           idx out_d, idx out_h, idx out_w) {
  DLR_ROWS(r, out_w) {
    const idx element = r / (out_d * out_h);
    const idx kd = element / (kernel_w * kernel_h) % kernel_d;
    const idx kh = element / kernel_w % kernel_h;
    const idx kw = element % kernel_w;
    const idx c = element / (kernel_w * kernel_h * kernel_d);
    const idx d = r / out_h % out_d * stride_d - pad_d + kd * dilation_d;
    const idx h = r % out_h * stride_h - pad_h + kh * dilation_h;
    const i32 is_inside = d >= 0 && d < depth && h >= 0 && h < height;
    const idx line = ((c * depth + d) * height + h) * width;
    const idx first = kw * dilation_w - pad_w;
    DLR_COLS(ow, out_w) {
      const idx w = ow * stride_w + first;
      columns[r * out_w + ow] = is_inside && w >= 0 && w < width ? x[line + w] : R(0);
    }
  }
}

/* One row: a line (c, d, h, *) of the image. Each element gathers the columns that were made from
 * it. */
DLR_KERNEL(col2im, DLR_IN(real) columns, DLR_OUT(real) x, idx depth, idx height, idx width,
           idx kernel_d, idx kernel_h, idx kernel_w, idx stride_d, idx stride_h, idx stride_w,
           idx pad_d, idx pad_h, idx pad_w, idx dilation_d, idx dilation_h, idx dilation_w,
           idx out_d, idx out_h, idx out_w) {
  DLR_ROWS(r, width) {
    const idx h = r % height;
    const idx d = r / height % depth;
    const idx c = r / (height * depth);
    DLR_COLS(w, width)
      x[r * width + w] = R(0);
    for (idx kd = 0; kd < kernel_d; ++kd) {
      const idx from_d = d + pad_d - kd * dilation_d;
      const idx od = from_d / stride_d;
      if (from_d < 0 || od >= out_d || od * stride_d != from_d) continue;
      for (idx kh = 0; kh < kernel_h; ++kh) {
        const idx from_h = h + pad_h - kh * dilation_h;
        const idx oh = from_h / stride_h;
        if (from_h < 0 || oh >= out_h || oh * stride_h != from_h) continue;
        for (idx kw = 0; kw < kernel_w; ++kw) {
          const idx element = ((c * kernel_d + kd) * kernel_h + kh) * kernel_w + kw;
          const idx line = ((element * out_d + od) * out_h + oh) * out_w;
          const idx first = pad_w - kw * dilation_w;
          if (stride_w == 1) {
            DLR_COLS(w, width) {
              const idx ow = w + first;
              x[r * width + w] += ow >= 0 && ow < out_w ? columns[line + ow] : R(0);
            }
          } else {
            DLR_COLS(w, width) {
              const idx from_w = w + first;
              const idx ow = from_w / stride_w;
              x[r * width + w] +=
                  from_w >= 0 && ow < out_w && ow * stride_w == from_w ? columns[line + ow] : R(0);
            }
          }
        }
      }
    }
  }
}

/* y[N,K,O] += b[K]; one row is an output image of one channel */
DLR_KERNEL(convolution_add_bias, DLR_IN(real) b, DLR_OUT(real) y, idx outputs, idx positions) {
  DLR_ROWS(r, positions) {
    const real bias = b[r % outputs];
    DLR_COLS(o, positions)
      y[r * positions + o] += bias;
  }
}

/* db[K] = the sum of dy[N,K,O] over N and O, added to db when it holds something already */
DLR_KERNEL(convolution_bias_gradient, DLR_IN(real) dy, DLR_OUT(real) db, idx batch, idx outputs,
           idx positions, i32 adds) {
  DLR_GROUPS(k) {
    acc_t sum = 0;
    for (idx n = 0; n < batch; ++n) {
      const idx image = (n * outputs + k) * positions;
      DLR_LANES_SUM(o, positions, sum)
        sum += dy[image + o];
    }
    sum = DLR_GROUP_SUM(sum);
    DLR_LANE0
    db[k] = adds ? db[k] + sum : sum;
  }
}
