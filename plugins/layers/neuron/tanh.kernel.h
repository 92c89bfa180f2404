/* TanH. */

DLR_ELEMENTWISE_ZERO(tanh_forward, DLR_IN(real) x, DLR_OUT(real) y) {
  DLR_FOR(i)
    y[i] = dlr_tanh(x[i]);
}

DLR_ELEMENTWISE_ZERO(tanh_backward, DLR_IN(real) y, DLR_IN(real) dy, DLR_OUT(real) dx) {
  DLR_FOR(i)
    dx[i] = dy[i] * (R(1) - y[i] * y[i]);
}
