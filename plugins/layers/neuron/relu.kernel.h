/* ReLU. NaN stays NaN. */

DLR_ELEMENTWISE_ZERO(relu_forward, DLR_IN(real) x, DLR_OUT(real) y, real slope) {
  DLR_FOR(i)
    y[i] = x[i] > R(0) ? x[i] : slope * x[i];
}

/* `signs` is x, or y where that has the signs of x. */
DLR_ELEMENTWISE_ZERO(relu_backward, DLR_IN(real) signs, DLR_IN(real) dy, DLR_OUT(real) dx,
                     real slope) {
  DLR_FOR(i)
    dx[i] = signs[i] > R(0) ? dy[i] : slope * dy[i];
}
