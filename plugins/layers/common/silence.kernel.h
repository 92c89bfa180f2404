/* Silence. */

DLR_ELEMENTWISE(silence_zero, DLR_OUT(real) dx) {
  DLR_FOR(i)
    dx[i] = R(0);
}
