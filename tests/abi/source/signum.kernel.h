// One step of Signum, for each weight: history = momentum history + (1 - momentum) gradient;
// weight = weight - rate sign(history)
DLR_ELEMENTWISE_ZERO(signum_update, DLR_IN(real) gradient, DLR_OUT(real) history,
                     DLR_OUT(real) weight, real momentum, real rate) {
  DLR_FOR(i) {
    const real mean = momentum * history[i] + (R(1) - momentum) * gradient[i];
    history[i] = mean;
    weight[i] -= mean > R(0) ? rate : (mean < R(0) ? -rate : R(0));
  }
}
