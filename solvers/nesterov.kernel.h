// One step of Nesterov's accelerated gradient, for each weight (history: h, its value before the
// step: h'):
//   h = momentum * h' + rate * gradient;  weight = weight - ((1 + momentum) * h - momentum * h')
DLR_ELEMENTWISE_ZERO(nesterov_update, DLR_IN(real) gradient, DLR_OUT(real) history,
                     DLR_OUT(real) weight, real momentum, real rate) {
  DLR_FOR(i) {
    const real before = history[i];
    const real after = momentum * before + rate * gradient[i];
    history[i] = after;
    weight[i] -= (R(1) + momentum) * after - momentum * before;
  }
}
