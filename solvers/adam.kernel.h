// One step of Adam (Kingma and Ba 2015), for each weight:
//   mean = beta1 * mean + (1 - beta1) * gradient
//   square = beta2 * square + (1 - beta2) * gradient^2
//   weight = weight - corrected_rate * mean / (sqrt(square) + delta)
// A weight that never had a gradient stays as it is, whatever delta is.
DLR_ELEMENTWISE_ZERO(adam_update, DLR_IN(real) gradient, DLR_OUT(real) mean, DLR_OUT(real) square,
                     DLR_OUT(real) weight, real beta1, real beta2, real delta,
                     real corrected_rate) {
  DLR_FOR(i) {
    const real g = gradient[i];
    const real m = beta1 * mean[i] + (R(1) - beta1) * g;
    const real v = beta2 * square[i] + (R(1) - beta2) * g * g;
    const real divisor = dlr_sqrt(v) + delta;
    mean[i] = m;
    square[i] = v;
    weight[i] -= divisor > R(0) ? corrected_rate * m / divisor : R(0);
  }
}
