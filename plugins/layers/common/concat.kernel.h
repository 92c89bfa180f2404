/* Concat: a bottom's rows of `width` elements lie in the top's rows of `whole`, from `first` on. */

DLR_KERNEL(concat_put, DLR_IN(real) x, DLR_OUT(real) y, idx width, idx whole, idx first) {
  DLR_ROWS(r, width) {
    DLR_COLS(i, width)
      y[r * whole + first + i] = x[r * width + i];
  }
}

DLR_KERNEL(concat_take, DLR_IN(real) y, DLR_OUT(real) x, idx width, idx whole, idx first) {
  DLR_ROWS(r, width) {
    DLR_COLS(i, width)
      x[r * width + i] = y[r * whole + first + i];
  }
}
