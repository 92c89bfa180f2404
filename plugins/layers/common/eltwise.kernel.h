/* Eltwise: the first two bottoms, or what there is, begin the top; each further one is worked into
 * it. */

DLR_ELEMENTWISE_ZERO(eltwise_scale, DLR_IN(real) x, DLR_OUT(real) y, real coeff) {
  DLR_FOR(i)
    y[i] = coeff * x[i];
}

DLR_ELEMENTWISE_ZERO(eltwise_sum, DLR_IN(real) a, DLR_IN(real) b, DLR_OUT(real) y, real coeff_a,
                     real coeff_b) {
  DLR_FOR(i)
    y[i] = coeff_a * a[i] + coeff_b * b[i];
}

DLR_ELEMENTWISE_ZERO(eltwise_add, DLR_IN(real) x, DLR_OUT(real) y, real coeff) {
  DLR_FOR(i)
    y[i] += coeff * x[i];
}

DLR_ELEMENTWISE_ZERO(eltwise_product, DLR_IN(real) a, DLR_IN(real) b, DLR_OUT(real) y) {
  DLR_FOR(i)
    y[i] = a[i] * b[i];
}

DLR_ELEMENTWISE_ZERO(eltwise_multiply, DLR_IN(real) x, DLR_OUT(real) y) {
  DLR_FOR(i)
    y[i] *= x[i];
}

/* dx = dy y / x: the product of the other bottoms, by division. Not for padding, where x is 0. */
DLR_KERNEL(eltwise_quotient, DLR_IN(real) x, DLR_IN(real) y, DLR_IN(real) dy, DLR_OUT(real) dx) {
  DLR_FOR(i)
    dx[i] = dy[i] * y[i] / x[i];
}

/* `from` notes which bottom the largest is of; of the first two the second when they are equal. */
DLR_KERNEL(eltwise_max, DLR_IN(real) a, DLR_IN(real) b, DLR_OUT(real) y, DLR_OUT(i32) from) {
  DLR_FOR(i) {
    const i32 is_first = a[i] > b[i];
    from[i] = is_first ? 0 : 1;
    y[i] = is_first ? a[i] : b[i];
  }
}

DLR_KERNEL(eltwise_raise, DLR_IN(real) x, DLR_OUT(real) y, DLR_OUT(i32) from, i32 index) {
  DLR_FOR(i) {
    const i32 is_larger = x[i] > y[i];
    from[i] = is_larger ? index : from[i];
    y[i] = is_larger ? x[i] : y[i];
  }
}

DLR_KERNEL(eltwise_max_gradient, DLR_IN(i32) from, DLR_IN(real) dy, DLR_OUT(real) dx, i32 index) {
  DLR_FOR(i)
    dx[i] = from[i] == index ? dy[i] : R(0);
}
