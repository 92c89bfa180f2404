/* DummyData without a filler. */

DLR_ELEMENTWISE(dummy_data_zero, DLR_OUT(real) y) {
  DLR_FOR(i)
    y[i] = R(0);
}
