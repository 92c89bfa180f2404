/* SigmoidCrossEntropyLoss. A target equal to `ignored` isn't counted, where can_ignore says so. */

DLR_FN i32 sigmoid_loss_counts(real target, i32 can_ignore, real ignored) {
  return !(can_ignore && target == ignored);
}

/* partial[2 g] = the sum of the losses of the g-th chunk of n elements, partial[2 g + 1] = how many
 * were counted. The exponent is never positive, so nothing overflows. */
DLR_KERNEL(sigmoid_loss_partial, DLR_IN(real) x, DLR_IN(real) target, DLR_OUT(real) partial, idx n,
           idx chunk, i32 can_ignore, real ignored) {
  DLR_GROUPS(g) {
    const idx first = g * chunk;
    const idx length = n - first < chunk ? n - first : chunk;
    acc_t loss = 0;
    acc_t counted = 0;
    DLR_LANES_SUM(k, length, loss) {
      const real score = x[first + k];
      const real t = target[first + k];
      const real each =
          dlr_fmax(score, R(0)) - score * t + dlr_log(R(1) + dlr_exp(-dlr_abs(score)));
      loss += sigmoid_loss_counts(t, can_ignore, ignored) ? each : R(0);
    }
    DLR_LANES_SUM(k, length, counted)
      counted += sigmoid_loss_counts(target[first + k], can_ignore, ignored) ? R(1) : R(0);
    loss = DLR_GROUP_SUM(loss);
    counted = DLR_GROUP_SUM(counted);
    DLR_LANE0
    {
      partial[2 * g] = loss;
      partial[2 * g + 1] = counted;
    }
  }
}

/* loss[0] = all losses / normalizer[0]: `fixed`, or the number of counted elements when that is 0
 */
DLR_KERNEL(sigmoid_loss_total, DLR_IN(real) partial, DLR_OUT(real) loss, DLR_OUT(real) normalizer,
           idx n_partial, real fixed) {
  DLR_GROUPS(g) {
    acc_t sum = 0;
    acc_t counted = 0;
    DLR_LANES_SUM(k, n_partial, sum)
      sum += partial[2 * k];
    DLR_LANES_SUM(k, n_partial, counted)
      counted += partial[2 * k + 1];
    sum = DLR_GROUP_SUM(sum);
    counted = DLR_GROUP_SUM(counted);
    DLR_LANE0
    {
      normalizer[g] = dlr_fmax(fixed == R(0) ? counted : fixed, R(1));
      loss[g] = sum / normalizer[g];
    }
  }
}

/* dx = (sigmoid(x) - target) * loss weight / normalizer; 0 where the target is ignored */
DLR_KERNEL(sigmoid_loss_gradient, DLR_IN(real) x, DLR_IN(real) target, DLR_IN(real) loss_weight,
           DLR_IN(real) normalizer, DLR_OUT(real) dx, i32 can_ignore, real ignored) {
  DLR_FOR(i) {
    const real difference = R(1) / (R(1) + dlr_exp(-x[i])) - target[i];
    const i32 counts = sigmoid_loss_counts(target[i], can_ignore, ignored);
    dx[i] = counts ? loss_weight[0] / normalizer[0] * difference : R(0);
  }
}
