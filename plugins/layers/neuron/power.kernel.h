/* Power. */

/* power 1: y = shift + scale x */
DLR_ELEMENTWISE(power_linear, DLR_IN(real) x, DLR_OUT(real) y, real scale, real shift) {
  DLR_FOR(i)
    y[i] = shift + scale * x[i];
}

DLR_ELEMENTWISE(power_forward, DLR_IN(real) x, DLR_OUT(real) y, real power, real scale,
                real shift) {
  DLR_FOR(i)
    y[i] = dlr_pow(shift + scale * x[i], power);
}

DLR_ELEMENTWISE(power_backward, DLR_IN(real) x, DLR_IN(real) dy, DLR_OUT(real) dx, real power,
                real scale, real shift) {
  DLR_FOR(i)
    dx[i] = dy[i] * power * scale * dlr_pow(shift + scale * x[i], power - R(1));
}
