#include "check.h"

// What a sum of `value`, at most `bound` off, may become. The slope of GELU stays below 1.13.
static void put_activated(expectation e, size_t i, double value, double bound, minke_activation activation) {
  if (activation == MINKE_GELU) put(e, i, gelu(value), 1.2 * bound + 1e-7 + 4 * EPSILON * fabs(value));
  else put(e, i, value, bound);
}

static void check_product(size_t rows, size_t columns, size_t depth, bool biased, minke_activation activation) {
  const minke_gemm_kernels *neon = minke_gemm(MINKE_NEON);
  const size_t x_stride = depth + 3, y_stride = columns + 5, w_stride = depth + 1;
  const size_t y_count = rows == 0 ? 0 : (rows - 1) * y_stride + columns;
  const float *x = numbers(rows == 0 ? 0 : (rows - 1) * x_stride + depth);
  const float *w = numbers((columns - 1) * w_stride + depth), *bias = biased ? numbers(columns) : NULL;
  float *turned = take(depth * columns * sizeof(float));
  for (size_t n = 0; n < columns; n++) {
    for (size_t k = 0; k < depth; k++) turned[k * columns + n] = w[n * w_stride + k];
  }
  const size_t panel_count = minke_gemm_panel_count(columns, depth);
  float *panels = room(panel_count), *turned_panels = room(panel_count);
  about("pack of %zu columns, depth %zu", columns, depth);
  neon->pack(w, w_stride, columns, depth, panels);
  neon->pack_transposed(turned, columns, columns, depth, turned_panels);
  bool packed = same(panels, turned_panels, panel_count * sizeof(float));
  for (size_t i = 0; i < panel_count; i++) {
    const size_t n = i / (MINKE_PANEL * depth) * MINKE_PANEL + i % MINKE_PANEL, k = i / MINKE_PANEL % depth;
    packed = packed && panels[i] == (n < columns ? w[n * w_stride + k] : 0);
  }
  check(packed);

  expectation exact = expect(y_count);
  for (size_t m = 0; m < rows; m++) {
    for (size_t n = 0; n < columns; n++) {
      double sum = bias ? bias[n] : 0, magnitude = fabs(sum);
      for (size_t k = 0; k < depth; k++) {
        sum += (double)x[m * x_stride + k] * w[n * w_stride + k];
        magnitude += fabs((double)x[m * x_stride + k] * w[n * w_stride + k]);
      }
      put_activated(exact, m * y_stride + n, sum, 2 * ((double)depth + 1) * EPSILON * magnitude, activation);
    }
  }
  about("multiply of %zu rows, %zu columns, depth %zu%s%s", rows, columns, depth, biased ? ", bias" : "",
        activation ? ", GELU" : "");
  float *y = room(y_count);
  minke_gemm_call call = {rows, columns, depth, x, x_stride, panels, bias, y, y_stride, activation};
  neon->multiply(&call);
  check(meets(y, exact));

  // Rows one by one, and the columns from the second panel on.
  bool independent = true;
  float *alone = room(columns);
  for (size_t m = 0; m < rows; m++) {
    call = (minke_gemm_call){1, columns, depth, x + m * x_stride, x_stride, panels, bias, alone, columns, activation};
    neon->multiply(&call);
    independent = independent && same(alone, y + m * y_stride, columns * sizeof(float));
  }
  if (columns > MINKE_PANEL) {
    float *right = room(y_count);
    call = (minke_gemm_call){rows,
                             columns - MINKE_PANEL,
                             depth,
                             x,
                             x_stride,
                             panels + MINKE_PANEL * depth,
                             bias ? bias + MINKE_PANEL : NULL,
                             right + MINKE_PANEL,
                             y_stride,
                             activation};
    if (rows > 0) neon->multiply(&call);
    for (size_t m = 0; m < rows; m++) {
      independent = independent && same(right + m * y_stride + MINKE_PANEL, y + m * y_stride + MINKE_PANEL,
                                        (columns - MINKE_PANEL) * sizeof(float));
    }
  }
  about("multiply in parts of %zu rows, %zu columns, depth %zu", rows, columns, depth);
  check(independent);
  give_back();
}

static void check_int8_product(size_t rows, size_t columns, size_t depth, bool biased, minke_activation activation) {
  const minke_gemm_int8_kernels *neon = minke_gemm_int8(MINKE_NEON);
  const size_t stride = minke_gemm_int8_depth(depth), x_stride = depth + 2, y_stride = columns + 5;
  const float *w = numbers(columns * depth), *bias = biased ? numbers(columns) : NULL;
  const float *factors = biased ? numbers(depth) : NULL;
  float *x = numbers(rows == 0 ? 0 : (rows - 1) * x_stride + depth);

  int8_t *panels = take(minke_gemm_panel_count(columns, stride));
  float *w_scales = room(columns);
  int32_t *w_sums = take(columns * sizeof(int32_t));
  about("int8 pack of %zu columns, depth %zu", columns, depth);
  neon->pack(w, depth, columns, depth, panels, w_scales, w_sums);
  bool packed = true;
  for (size_t i = 0; i < minke_gemm_panel_count(columns, stride); i++) {
    const size_t n = i / (MINKE_PANEL * stride) * MINKE_PANEL + i / 4 % MINKE_PANEL;
    const size_t k = i % (MINKE_PANEL * stride) / (4 * MINKE_PANEL) * 4 + i % 4;
    if (n >= columns || k >= depth) packed = packed && panels[i] == 0;
    else packed = packed && fabs(w[n * depth + k] - (double)w_scales[n] * panels[i]) <= 0.501 * w_scales[n];
    if (n < columns) w_sums[n] -= panels[i];
  }
  for (size_t n = 0; n < columns; n++) packed = packed && w_sums[n] == 0;
  check(packed);
  neon->pack(w, depth, columns, depth, panels, w_scales, w_sums);

  uint8_t *q = take(rows * stride);
  float *x_scales = room(rows);
  int32_t *x_zeros = take(rows * sizeof(int32_t));
  about("quantize of %zu rows, depth %zu", rows, depth);
  neon->quantize(x, x_stride, factors, rows, depth, q, x_scales, x_zeros);
  bool rounded = true;
  for (size_t m = 0; m < rows; m++) {
    for (size_t k = 0; k < depth; k++) {
      const double value = (double)x[m * x_stride + k] * (factors ? factors[k] : 1);
      const double back = (double)x_scales[m] * ((int8_t)q[m * stride + k] - x_zeros[m]);
      rounded = rounded && fabs(value - back) <= 0.501 * x_scales[m];
    }
  }
  check(rounded);

  const size_t y_count = rows == 0 ? 0 : (rows - 1) * y_stride + columns;
  expectation exact = expect(y_count);
  for (size_t m = 0; m < rows; m++) {
    for (size_t n = 0; n < columns; n++) {
      int64_t sum = 0;
      for (size_t k = 0; k < depth; k++) {
        const size_t at = n / MINKE_PANEL * MINKE_PANEL * stride + 4 * (k / 4 * MINKE_PANEL + n % MINKE_PANEL) + k % 4;
        sum += ((int8_t)q[m * stride + k] - x_zeros[m]) * panels[at];
      }
      const double product = (double)x_scales[m] * w_scales[n] * (double)sum, start = bias ? bias[n] : 0;
      const double bound = 4 * EPSILON * (fabs(product) + fabs(start));
      put_activated(exact, m * y_stride + n, product + start, bound, activation);
    }
  }
  about("int8 multiply of %zu rows, %zu columns, depth %zu%s%s", rows, columns, depth, biased ? ", bias" : "",
        activation ? ", GELU" : "");
  float *y = room(y_count);
  const minke_gemm_int8_call call = {rows,     columns, depth, q, x_scales, x_zeros,   panels,
                                     w_scales, w_sums,  bias,  y, y_stride, activation};
  neon->multiply(&call);
  check(meets(y, exact));

  if (rows > 0 && depth > 0) {
    about("int8 multiply of a row with NaN, %zu rows, %zu columns, depth %zu", rows, columns, depth);
    x[(rows - 1) * x_stride + depth - 1] = NAN;
    neon->quantize(x, x_stride, factors, rows, depth, q, x_scales, x_zeros);
    neon->multiply(&call);
    check(all_nan(y + (rows - 1) * y_stride, columns));
  }
  give_back();
}

void check_gemm(void) {
  EACH(size_t, rows, 0, 1, 2, 3, 4, 5, 6, 7, 11, 13, 29) {
    EACH(size_t, columns, 1, 15, 16, 17, 31, 32, 33, 48, 65, 97) {
      EACH(size_t, depth, 0, 1, 3, 4, 5, 17, 66) {
        check_product(rows, columns, depth, depth % 2, columns % 2 ? MINKE_GELU : MINKE_IDENTITY);
        check_int8_product(rows, columns, depth, depth % 2, columns % 2 ? MINKE_GELU : MINKE_IDENTITY);
      }
    }
  }
}
