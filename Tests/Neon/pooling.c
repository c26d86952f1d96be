#include "check.h"

static void check_sums(size_t count, size_t columns) {
  const minke_pooling_kernels *portable = minke_pooling(MINKE_PORTABLE), *neon = minke_pooling(MINKE_NEON);
  const size_t stride = columns + 3, rows = 50;
  const float *table = numbers((rows - 1) * stride + columns), *weights = numbers(count);
  int32_t *ids = take(count * sizeof(int32_t));
  for (size_t t = 0; t < count; t++) ids[t] = (int32_t)(next_random() % rows);

  float *sums = take(columns * sizeof(float)), *y = room(columns);
  expectation weighted = expect(columns);
  for (size_t c = 0; c < columns; c++) {
    float group = 0, before = 0;
    double exact = 0, magnitude = 0;
    for (size_t t = 0; t < count; t++) {
      if (t % 32 == 0) before = t == 0 ? 0 : t == 32 ? group : before + group;
      group = t % 32 == 0 ? table[(size_t)ids[t] * stride + c] : group + table[(size_t)ids[t] * stride + c];
      exact += (double)weights[t] * table[(size_t)ids[t] * stride + c];
      magnitude += fabs((double)weights[t] * table[(size_t)ids[t] * stride + c]);
    }
    sums[c] = count > 32 ? before + group : group;
    put(weighted, c, exact, 40 * EPSILON * magnitude);
  }
  about("sum_rows of %zu rows of %zu columns", count, columns);
  neon->sum_rows(table, stride, ids, count, columns, y);
  check(same(sums, y, columns * sizeof(float)));
  about("sum_weighted_rows of %zu rows of %zu columns", count, columns);
  neon->sum_weighted_rows(table, stride, ids, weights, count, columns, y);
  check(meets(y, weighted));

  const size_t even = columns / 2 * 2, packed_stride = even / 2 + 1;
  const uint8_t *packed = random_bytes((rows - 1) * packed_stride + even / 2);
  const float *scales = numbers(rows);
  float *a = room(even), *b = room(even);
  about("sum_packed_rows of %zu rows of %zu columns", count, even);
  portable->sum_packed_rows(packed, packed_stride, scales, ids, count, even, a);
  neon->sum_packed_rows(packed, packed_stride, scales, ids, count, even, b);
  check(same(a, b, even * sizeof(float)));
  give_back();
}

void check_pooling(void) {
  EACH(size_t, columns, 0, 1, 2, 15, 16, 30, 32, 34, 62, 64, 66, 127, 128, 130, 257) {
    EACH(size_t, count, 0, 1, 2, 31, 32, 33, 64, 65, 100) check_sums(count, columns);

    const minke_pooling_kernels *neon = minke_pooling(MINKE_NEON);
    float *x = take(columns * sizeof(float)), *alpha = take(columns * sizeof(float)), *scaled = room(columns);
    const float *beta = numbers(columns), *bias = numbers(columns);
    expectation squashed = expect(columns), squares = expect(1);
    double sum = 0;
    for (size_t c = 0; c < columns; c++) {
      x[c] = number() * 8;
      alpha[c] = 0.5f + (float)(c % 2);
      if (c % 2) x[c] = rintf(x[c] * 1024) / 1024;  // so that 1.5 x has no rounding
      put(squashed, c, beta[c] * tanh((double)alpha[c] * x[c] + bias[c]), (3e-7 + 8 * 2 * EPSILON) * fabsf(beta[c]));
      scaled[c] = x[c] * 0.3f;
      sum += (double)x[c] * x[c];
    }
    about("sum_of_squares of %zu", columns);
    put(squares, 0, sum, 40 * EPSILON * sum);
    const float found = neon->sum_of_squares(x, columns);
    check(meets(&found, squares));
    float *y = take(columns * sizeof(float));
    memcpy(y, x, columns * sizeof(float));
    about("scale of %zu", columns);
    neon->scale(y, 0.3f, columns);
    check(same(scaled, y, columns * sizeof(float)));
    about("dynamic_tanh of %zu", columns);
    neon->dynamic_tanh(x, alpha, beta, bias, columns);
    check(meets(x, squashed));
    give_back();
  }
}
