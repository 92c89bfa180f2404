/* SoftmaxWithLoss. Positions count over N * S; a label is a whole number stored as a real. */

/* Softmax along C, as in the layer Softmax; S is 1: one group for each n. */
DLR_KERNEL(softmax_loss_rows, DLR_IN(real) x, DLR_OUT(real) p, idx channels) {
  DLR_GROUPS(n) {
    const idx row = n * channels;
    acc_t most = x[row];
    DLR_LANES_MAX(c, channels, most)
      most = x[row + c] > most ? x[row + c] : most;
    most = DLR_GROUP_MAX(most);
    acc_t sum = 0;
    DLR_LANES_SUM(c, channels, sum) {
      const real e = dlr_exp(x[row + c] - most);
      p[row + c] = e;
      sum += e;
    }
    sum = DLR_GROUP_SUM(sum);
    DLR_LANES(c, channels)
      p[row + c] /= sum;
  }
}

/* One row for each n, a column for each position of S. */
DLR_KERNEL(softmax_loss_positions, DLR_IN(real) x, DLR_OUT(real) p, idx channels, idx inner) {
  DLR_ROWS(n, inner) {
    const idx image = n * channels * inner;
    DLR_COLS(s, inner) {
      acc_t most = x[image + s];
      for (idx c = 1; c < channels; ++c) {
        const real value = x[image + c * inner + s];
        most = value > most ? value : most;
      }
      acc_t sum = 0;
      for (idx c = 0; c < channels; ++c) {
        const real e = dlr_exp(x[image + c * inner + s] - most);
        p[image + c * inner + s] = e;
        sum += e;
      }
      for (idx c = 0; c < channels; ++c)
        p[image + c * inner + s] /= sum;
    }
  }
}

DLR_FN i32 softmax_loss_is_ignored(real label, i32 can_ignore, real ignored) {
  return can_ignore && label == ignored;
}

/* The loss at one position; NaN when the label is no channel. */
DLR_FN real softmax_loss_at(DLR_IN(real) p, real label, idx position, idx channels, idx inner) {
  if (!(label >= R(0) && label < (real)channels)) return dlr_log(R(-1));
  const idx n = position / inner;
  const idx s = position % inner;
  const real likely = p[(n * channels + (idx)label) * inner + s];
  return -dlr_log(dlr_fmax(likely, R(1.17549435e-38)));
}

/* partial[2 g] = the sum of the losses of the g-th chunk of positions, partial[2 g + 1] = how many
 * were counted */
DLR_KERNEL(softmax_loss_partial, DLR_IN(real) p, DLR_IN(real) label, DLR_OUT(real) partial,
           idx positions, idx chunk, idx channels, idx inner, i32 can_ignore, real ignored) {
  DLR_GROUPS(g) {
    const idx first = g * chunk;
    const idx n = positions - first < chunk ? positions - first : chunk;
    acc_t loss = 0;
    DLR_LANES_SUM(k, n, loss) {
      const idx i = first + k;
      if (!softmax_loss_is_ignored(label[i], can_ignore, ignored)) {
        loss += softmax_loss_at(p, label[i], i, channels, inner);
      }
    }
    acc_t counted = 0;
    DLR_LANES_SUM(k, n, counted) {
      counted += softmax_loss_is_ignored(label[first + k], can_ignore, ignored) ? R(0) : R(1);
    }
    loss = DLR_GROUP_SUM(loss);
    counted = DLR_GROUP_SUM(counted);
    DLR_LANE0
    {
      partial[2 * g] = loss;
      partial[2 * g + 1] = counted;
    }
  }
}

/* loss[0] = all losses / normalizer[0]: `fixed`, or the number of counted positions when that is 0
 */
DLR_KERNEL(softmax_loss_total, DLR_IN(real) partial, DLR_OUT(real) loss, DLR_OUT(real) normalizer,
           idx n_partial, real fixed) {
  DLR_GROUPS(g) {
    acc_t sum = 0;
    DLR_LANES_SUM(k, n_partial, sum)
      sum += partial[2 * k];
    acc_t counted = 0;
    DLR_LANES_SUM(k, n_partial, counted)
      counted += partial[2 * k + 1];
    sum = DLR_GROUP_SUM(sum);
    counted = DLR_GROUP_SUM(counted);
    DLR_LANE0
    {
      const real by = dlr_fmax(fixed == R(0) ? counted : fixed, R(1));
      normalizer[g] = by;
      loss[g] = sum / by;
    }
  }
}

/* dx = (p - 1 at the label) * loss weight / normalizer; 0 where the label is ignored or no channel.
 * One row for each n and channel. */
DLR_KERNEL(softmax_loss_gradient, DLR_IN(real) p, DLR_IN(real) label, DLR_IN(real) loss_weight,
           DLR_IN(real) normalizer, DLR_OUT(real) dx, idx channels, idx inner, i32 can_ignore,
           real ignored) {
  DLR_ROWS(r, inner) {
    const idx n = r / channels;
    const idx c = r % channels;
    const real scale = loss_weight[0] / normalizer[0];
    DLR_COLS(s, inner) {
      const real l = label[n * inner + s];
      const i32 counts =
          l >= R(0) && l < (real)channels && !softmax_loss_is_ignored(l, can_ignore, ignored);
      const real wanted = dlr_floor(l) == (real)c ? R(1) : R(0);
      dx[r * inner + s] = counts ? scale * (p[r * inner + s] - wanted) : R(0);
    }
  }
}
