/* One step of Lion, for each weight:
 *   direction = sign(beta1 mean + (1 - beta1) gradient)
 *   weight = weight - rate (direction + decay weight)
 *   mean = beta2 mean + (1 - beta2) gradient */
DLR_ELEMENTWISE_ZERO(lion_update, DLR_IN(real) gradient, DLR_OUT(real) mean, DLR_OUT(real) weight, real beta1,
                     real beta2, real decay, real rate) {
  DLR_FOR(i) {
    const real g = gradient[i];
    const real m = mean[i];
    const real blend = beta1 * m + (R(1) - beta1) * g;
    const real direction = blend > R(0) ? R(1) : (blend < R(0) ? R(-1) : R(0));
    weight[i] -= rate * (direction + decay * weight[i]);
    mean[i] = beta2 * m + (R(1) - beta2) * g;
  }
}
