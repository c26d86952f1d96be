#include "check.h"

static void check_layer_norm(size_t rows, size_t columns, bool added) {
  const minke_transformer_kernels *neon = minke_transformer(MINKE_NEON);
  const float *x = numbers(rows * columns), *weight = numbers(columns), *bias = numbers(columns);
  float *y = numbers(rows * columns);
  expectation exact = expect(rows * columns);
  for (size_t m = 0; m < rows; m++) {
    double mean = 0, variance = 0;
#define VALUE(c) ((double)x[m * columns + (c)] + (added ? y[m * columns + (c)] : 0))
    for (size_t c = 0; c < columns; c++) mean += VALUE(c) / (double)columns;
    for (size_t c = 0; c < columns; c++) variance += (VALUE(c) - mean) * (VALUE(c) - mean) / (double)columns;
    const double scale = 1 / sqrt(variance + 1e-5);
    for (size_t c = 0; c < columns; c++) {
      const double normal = (VALUE(c) - mean) * scale;
      const double bound = (8 * scale + 40 * fabs(normal)) * fabsf(weight[c]) + fabsf(bias[c]);
      put(exact, m * columns + c, normal * weight[c] + bias[c], EPSILON * bound);
    }
#undef VALUE
  }
  about("layer_norm of %zu rows of %zu columns%s", rows, columns, added ? " in place" : "");
  neon->layer_norm(x, added ? y : NULL, weight, bias, 1e-5f, rows, columns, y);
  check(meets(y, exact));
  give_back();
}

static void check_softmax_and_gelu(size_t rows, size_t columns) {
  const minke_transformer_kernels *neon = minke_transformer(MINKE_NEON);
  const size_t stride = (columns + 15) / 16 * 16 + 16;
  float *x = numbers(rows * stride), *y = room(rows * columns), *z = room(rows * stride);
  expectation shares = expect(rows * columns), activated = expect(rows * stride);
  for (size_t m = 0; m < rows; m++) {
    double total = 0;
    for (size_t c = 0; c < columns; c++) {
      float *value = &x[m * stride + c];
      *value = c % 5 == 4 ? -INFINITY : *value * 10;
      total += exp(0.7 * *value);
      z[m * stride + c] = isinf(*value) ? -300 : *value;
      put(activated, m * stride + c, gelu(z[m * stride + c]), 1e-7 + 4 * EPSILON * fabs(*value));
      if (isinf(*value)) put(activated, m * stride + c, 0, 1e-7);
    }
    for (size_t c = 0; c < columns; c++) {
      const double share = exp(0.7 * x[m * stride + c]) / total;
      put(shares, m * columns + c, share, 4e-6 * share);
    }
  }
  about("softmax of %zu rows of %zu columns", rows, columns);
  neon->softmax(x, rows, columns, stride, 0.7f);
  for (size_t m = 0; m < rows; m++) memcpy(y + m * columns, x + m * stride, columns * sizeof(float));
  check(meets(y, shares));
  about("gelu of %zu rows of %zu columns", rows, columns);
  neon->gelu(z, rows, columns, stride);
  check(meets(z, activated));
  if (rows > 0) {
    about("softmax and gelu of NaN, %zu columns", columns);
    x[columns - 1] = z[columns - 1] = NAN;
    neon->softmax(x, 1, columns, stride, 0.7f);
    neon->gelu(z, 1, columns, stride);
    check(all_nan(x, columns) && isnan(z[columns - 1]));
  }
  give_back();
}

void check_transformer(void) {
  EACH(size_t, columns, 1, 2, 15, 16, 17, 31, 32, 33, 100, 384) {
    EACH(size_t, rows, 0, 1, 3) {
      EACH(size_t, added, 0, 1) check_layer_norm(rows, columns, added);
      check_softmax_and_gelu(rows, columns);
    }
  }
}
