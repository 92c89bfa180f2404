/* Sigmoid. */

DLR_ELEMENTWISE(sigmoid_forward, DLR_IN(real) x, DLR_OUT(real) y) {
  DLR_FOR(i)
    y[i] = R(1) / (R(1) + dlr_exp(-x[i]));
}

DLR_ELEMENTWISE_ZERO(sigmoid_backward, DLR_IN(real) y, DLR_IN(real) dy, DLR_OUT(real) dx) {
  DLR_FOR(i)
    dx[i] = dy[i] * y[i] * (R(1) - y[i]);
}
