#include "check.h"

/// What W x must be, for W `[rows, inputs]`; sums of that many products may lose as many roundings.
static expectation products(const double *w, size_t rows, size_t inputs, const float *x) {
  expectation exact = expect(rows);
  for (size_t n = 0; n < rows; n++) {
    double sum = 0, size = 0;
    for (size_t k = 0; k < inputs; k++) {
      sum += w[n * inputs + k] * x[k];
      size += fabs(w[n * inputs + k] * x[k]);
    }
    put(exact, n, sum, EPSILON * (double)(inputs + 8) * size);
  }
  return exact;
}

static void check_float32(size_t rows, size_t inputs) {
  const float *w = numbers(rows * inputs), *x = numbers(inputs);
  double *exact = take(rows * inputs * sizeof(double));
  for (size_t i = 0; i < rows * inputs; i++) exact[i] = w[i];
  float *y = room(rows);
  about("float32 product of %zu x %zu", rows, inputs);
  minke_matvec(MINKE_NEON)->float32(w, rows, inputs, x, y);
  check(meets(y, products(exact, rows, inputs, x)));
  give_back();
}

static void check_int8(size_t rows, size_t inputs) {
  const int8_t *q = random_bytes(rows * inputs);
  const float *scales = numbers(rows), *x = numbers(inputs);
  double *exact = take(rows * inputs * sizeof(double));
  expectation weights = expect(rows * inputs);
  for (size_t i = 0; i < rows * inputs; i++) {
    exact[i] = (double)scales[i / inputs] * q[i];
    put(weights, i, exact[i], EPSILON * fabs(exact[i]));
  }
  float *y = room(rows), *z = room(rows * inputs);
  about("int8 product of %zu x %zu", rows, inputs);
  minke_matvec(MINKE_NEON)->int8(q, scales, rows, inputs, x, y);
  check(meets(y, products(exact, rows, inputs, x)));
  about("int8 weights of %zu x %zu", rows, inputs);
  minke_matvec(MINKE_NEON)->unpack_int8(q, scales, rows, inputs, z);
  check(meets(z, weights));
  give_back();
}

static void check_four_bit(size_t rows, size_t inputs) {
  const size_t groups = minke_four_bit_groups(inputs);
  uint16_t *halves = take(2 * rows * groups * sizeof(uint16_t));
  for (size_t i = 0; i < 2 * rows * groups; i++) {
    // Finite: of either sign, from subnormal to some thousands.
    const uint64_t bits = next_random();
    halves[i] = (uint16_t)((bits & 0x83ff) | ((bits >> 20) % 27) << 10);
  }
  float *values = take(2 * rows * groups * sizeof(float));
  minke_convert(MINKE_PORTABLE)->f16_to_f32(halves, values, 2 * rows * groups);
  const uint8_t *q = random_bytes(rows * groups * 16);
  const minke_four_bit_rows w = {q, halves, halves + rows * groups};
  const float *x = numbers(inputs);
  double *exact = take(rows * inputs * sizeof(double)), *larger = take(rows * inputs * sizeof(double));
  expectation weights = expect(rows * inputs);
  for (size_t n = 0; n < rows; n++) {
    for (size_t k = 0; k < inputs; k++) {
      const size_t group = n * groups + k / 32, i = n * inputs + k;
      const uint8_t byte = q[group * 16 + k % 16];
      const double scaled = (double)values[group] * (k % 32 < 16 ? byte & 15 : byte >> 4);
      const double minimum = values[rows * groups + group];
      exact[i] = scaled + minimum;
      larger[i] = fabs(scaled) + fabs(minimum);
      put(weights, i, exact[i], 2 * EPSILON * larger[i]);
    }
  }
  // Scaled part and minimum are summed apart, so the rounding goes by their sizes and not by that of the weight.
  expectation sums = products(exact, rows, inputs, x);
  for (size_t n = 0; n < rows; n++) {
    double size = 0;
    for (size_t k = 0; k < inputs; k++) size += fabs(larger[n * inputs + k] * x[k]);
    sums.bounds[n] = EPSILON * (double)(inputs + 16) * size;
  }
  float *y = room(rows), *z = room(rows * inputs);
  about("4-bit product of %zu x %zu", rows, inputs);
  minke_matvec(MINKE_NEON)->four_bit(&w, rows, inputs, x, y);
  check(meets(y, sums));
  // With the input rounded: the whole numbers are the same at every level, only the order of sums is not.
  const size_t padded = minke_rounded_groups(inputs);
  const minke_rounded_input a = {take(padded * 32), take(padded * sizeof(float)), take(padded * sizeof(float))};
  const minke_rounded_input b = {take(padded * 32), take(padded * sizeof(float)), take(padded * sizeof(float))};
  minke_matvec(MINKE_PORTABLE)->round_input(x, inputs, &a);
  minke_matvec(MINKE_NEON)->round_input(x, inputs, &b);
  float *plain = take((rows + 1) * sizeof(float)), *v = room(rows);
  minke_matvec(MINKE_PORTABLE)->four_bit_rounded(&w, rows, inputs, &a, plain);
  expectation same = expect(rows);
  for (size_t n = 0; n < rows; n++) put(same, n, plain[n], 4 * sums.bounds[n]);
  about("4-bit rounded product of %zu x %zu", rows, inputs);
  minke_matvec(MINKE_NEON)->four_bit_rounded(&w, rows, inputs, &b, v);
  check(meets(v, same));
  about("4-bit weights of %zu x %zu", rows, inputs);
  minke_matvec(MINKE_NEON)->unpack_four_bit(&w, rows, inputs, z);
  check(meets(z, weights));
  give_back();
}

void check_matvec(void) {
  EACH(size_t, rows, 0, 1, 3, 4, 5, 8, 11)
  EACH(size_t, inputs, 1, 15, 16, 17, 31, 32, 33, 64, 100, 513) {
    check_float32(rows, inputs);
    check_int8(rows, inputs);
    check_four_bit(rows, inputs);
  }
}
