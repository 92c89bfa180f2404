/* EuclideanLoss. */

/* partial[g] = the sum of (a - b)^2 over the g-th chunk of `chunk` elements of n */
DLR_KERNEL(euclidean_loss_partial, DLR_IN(real) a, DLR_IN(real) b, DLR_OUT(real) partial, idx n,
           idx chunk) {
  DLR_GROUPS(g) {
    const idx first = g * chunk;
    const idx length = n - first < chunk ? n - first : chunk;
    acc_t sum = 0;
    DLR_LANES_SUM(k, length, sum) {
      const real difference = a[first + k] - b[first + k];
      sum += difference * difference;
    }
    sum = DLR_GROUP_SUM(sum);
    DLR_LANE0
    partial[g] = sum;
  }
}

/* loss[0] = scale * (the sum of partial) */
DLR_KERNEL(euclidean_loss_total, DLR_IN(real) partial, DLR_OUT(real) loss, idx n_partial,
           real scale) {
  DLR_GROUPS(g) {
    acc_t sum = 0;
    DLR_LANES_SUM(k, n_partial, sum)
      sum += partial[k];
    sum = DLR_GROUP_SUM(sum);
    DLR_LANE0
    loss[g] = scale * sum;
  }
}

/* dx = scale * loss weight * (a - b) */
DLR_KERNEL(euclidean_loss_gradient, DLR_IN(real) a, DLR_IN(real) b, DLR_IN(real) loss_weight,
           DLR_OUT(real) dx, real scale) {
  DLR_FOR(i)
    dx[i] = scale * loss_weight[0] * (a[i] - b[i]);
}
