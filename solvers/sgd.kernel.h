// One step of stochastic gradient descent with momentum, for each weight:
//   history = momentum * history + rate * gradient;  weight = weight - history
DLR_ELEMENTWISE_ZERO(sgd_update, DLR_IN(real) gradient, DLR_OUT(real) history, DLR_OUT(real) weight,
                     real momentum, real rate) {
  DLR_FOR(i) {
    const real step = momentum * history[i] + rate * gradient[i];
    history[i] = step;
    weight[i] -= step;
  }
}
