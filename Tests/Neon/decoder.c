#include "check.h"

static void check_rms_norm(size_t rows, size_t columns) {
  const size_t stride = columns + 3;
  const float *x = numbers(rows * stride), *weight = numbers(columns);
  float *y = room(rows * stride);
  expectation exact = expect(rows * stride);
  for (size_t m = 0; m < rows; m++) {
    double mean = 0;
    for (size_t c = 0; c < columns; c++) mean += (double)x[m * stride + c] * x[m * stride + c] / (double)columns;
    for (size_t c = 0; c < columns; c++) {
      const double value = weight[c] * x[m * stride + c] / sqrt(mean + 1e-6);
      put(exact, m * stride + c, value, 24 * EPSILON * fabs(value));
    }
  }
  about("rms_norm of %zu rows of %zu columns", rows, columns);
  minke_decoder(MINKE_NEON)->rms_norm(x, stride, weight, 1e-6f, rows, columns, y, stride);
  check(meets(y, exact));
  give_back();
}

static void check_silu(size_t count) {
  float *gate = numbers(count), *x = numbers(count);
  const float *up = numbers(count);
  expectation gated = expect(count), alone = expect(count);
  for (size_t i = 0; i < count; i++) {
    gate[i] = x[i] = gate[i] * (i % 4 == 3 ? 100 : 10);
    const double value = gate[i] / (1 + exp(-(double)gate[i]));
    put(alone, i, value, 4e-6 * fabs(value) + 1e-30);
    put(gated, i, value * up[i], 4e-6 * fabs(value * up[i]) + 1e-30);
  }
  about("swiglu of %zu", count);
  minke_decoder(MINKE_NEON)->swiglu(gate, up, count);
  check(meets(gate, gated));
  about("silu of %zu", count);
  minke_decoder(MINKE_NEON)->silu(x, count);
  check(meets(x, alone));
  give_back();
}

void check_decoder(void) {
  EACH(size_t, columns, 1, 15, 16, 17, 64, 100, 640) {
    EACH(size_t, rows, 0, 1, 3) check_rms_norm(rows, columns);
    check_silu(columns);
  }
}
