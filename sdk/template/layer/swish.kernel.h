/* y = x sigmoid(beta x) */
DLR_ELEMENTWISE_ZERO(swish_forward, DLR_IN(real) x, DLR_OUT(real) y, real beta) {
  DLR_FOR(i)
    y[i] = x[i] / (R(1) + dlr_exp(-beta * x[i]));
}

/* dx = dy (s + beta y (1 - s)), s = sigmoid(beta x) */
DLR_ELEMENTWISE_ZERO(swish_backward, DLR_IN(real) x, DLR_IN(real) dy, DLR_OUT(real) dx, real beta) {
  DLR_FOR(i) {
    const real s = R(1) / (R(1) + dlr_exp(-beta * x[i]));
    dx[i] = dy[i] * (s + beta * x[i] * s * (R(1) - s));
  }
}
