#include "training.h"

#include <math.h>

#include "rows.h"
#include "tanh.h"

MINKE_INLINE void add(float *y, const float *x, float factor, size_t count) {
  size_t c = 0;
  for (; c + 16 <= count; c += 16) store16(y + c, load16(y + c) + factor * load16(x + c));
  for (; c < count; c++) y[c] += factor * x[c];
}

MINKE_INLINE float dot(const float *x, const float *y, size_t count) {
  v16 total = {0};
  size_t c = 0;
  for (; c + 16 <= count; c += 16) total += load16(x + c) * load16(y + c);
  if (c < count) total += load_some(x + c, count - c) * load_some(y + c, count - c);
  return sum16(total);
}

// Sixteen by sixteen: a cache line of each row, written as lines that are still near.
MINKE_INLINE void transpose(const float *x, size_t x_stride, size_t rows, size_t columns, float *y, size_t y_stride) {
  for (size_t row = 0; row < rows; row += 16) {
    const size_t height = rows - row < 16 ? rows - row : 16;
    for (size_t column = 0; column < columns; column += 16) {
      const size_t width = columns - column < 16 ? columns - column : 16;
      for (size_t i = 0; i < height; i++)
        for (size_t j = 0; j < width; j++) y[(column + j) * y_stride + row + i] = x[(row + i) * x_stride + column + j];
    }
  }
}

// Whole numbers of -2^22 to 2^22 are what is left of a float when this is added and taken away again, halves to even.
static const float whole_shift = 12582912.0f;

MINKE_INLINE float round_to_nibbles(const float *x, float scale, size_t count, float *y) {
  v16 total = {0};
  for (size_t c = 0; c < count; c += 16) {
    const v16 value = MINKE_LOAD(x, c);
    const v16 place = (value / scale + 1.0f) * 7.5f;
    const v16 whole = min16(max16(place, (v16){0}), (v16){0} + 15.0f) + whole_shift - whole_shift;
    const v16 rounded = (whole / 7.5f - 1.0f) * scale;
    const v16 difference = MINKE_KEEP(c, rounded - value);
    if (y) MINKE_STORE(y, c, rounded);
    total += difference * difference;
  }
  return sum16(total);
}

MINKE_INLINE void tanh_all(const float *restrict x, size_t count, float *restrict y) {
  for (size_t c = 0; c < count; c++) y[c] = hyperbolic_tangent(x[c]);
}

MINKE_INLINE void tanh_backward(const float *y, const float *dy, size_t count, float *dx) {
  for (size_t c = 0; c < count; c += 16) {
    v16 t = MINKE_LOAD(y, c);
    MINKE_STORE(dx, c, MINKE_LOAD(dx, c) + MINKE_LOAD(dy, c) * (1.0f - t * t));
  }
}

MINKE_INLINE void dynamic_tanh_backward(const float *restrict x, const float *restrict dy, const float *restrict alpha,
                                        const float *restrict beta, const float *restrict bias, size_t count,
                                        float *restrict dx, float *restrict dalpha, float *restrict dbeta,
                                        float *restrict dbias) {
  for (size_t c = 0; c < count; c++) {
    const float t = hyperbolic_tangent(alpha[c] * x[c] + bias[c]);
    const float inner = dy[c] * beta[c] * (1 - t * t);
    dbeta[c] += dy[c] * t;
    dbias[c] += inner;
    dalpha[c] += inner * x[c];
    dx[c] += inner * alpha[c];
  }
}

MINKE_INLINE void layer_norm_backward(const float *x, const float *dy, const float *weight, float epsilon, size_t count,
                                      float *dx, float *dweight, float *dbias) {
  v16 total = {0};
  for (size_t c = 0; c < count; c += 16) total += MINKE_LOAD(x, c);
  const float mean = sum16(total) / (float)count;
  v16 squares = {0};
  for (size_t c = 0; c < count; c += 16) {
    v16 v = MINKE_KEEP(c, MINKE_LOAD(x, c) - mean);
    squares += v * v;
  }
  const float scale = 1.0f / sqrtf(sum16(squares) / (float)count + epsilon);
  // With n the normed row and g = dy weight: dx = scale (g - mean(g) - n mean(g n)).
  v16 sum = {0}, sum_normed = {0};
  for (size_t c = 0; c < count; c += 16) {
    v16 g = MINKE_LOAD(dy, c) * MINKE_LOAD(weight, c), n = (MINKE_LOAD(x, c) - mean) * scale;
    sum += g;
    sum_normed += g * n;
  }
  const float mean_gradient = sum16(sum) / (float)count, mean_normed = sum16(sum_normed) / (float)count;
  for (size_t c = 0; c < count; c += 16) {
    v16 d = MINKE_LOAD(dy, c), n = (MINKE_LOAD(x, c) - mean) * scale;
    MINKE_STORE(dweight, c, MINKE_LOAD(dweight, c) + d * n);
    MINKE_STORE(dbias, c, MINKE_LOAD(dbias, c) + d);
    v16 g = d * MINKE_LOAD(weight, c);
    MINKE_STORE(dx, c, MINKE_LOAD(dx, c) + scale * (g - mean_gradient - n * mean_normed));
  }
}

MINKE_INLINE float scale_columns(float *logits, float factor, const float *scales, size_t count) {
  v16 largest = (v16){0} - INFINITY;
  for (size_t c = 0; c < count; c += 16) {
    v16 v = MINKE_LOAD(logits, c) * factor * MINKE_LOAD(scales, c);
    MINKE_STORE(logits, c, v);
    if (count - c < 16) v = choose16(MINKE_LANES < (int32_t)(count - c), v, largest);
    largest = max16(v, largest);
  }
  return largest16(largest);
}

MINKE_INLINE void maximum(float *y, const float *x, size_t count) {
  for (size_t c = 0; c < count; c += 16) MINKE_STORE(y, c, max16(MINKE_LOAD(x, c), MINKE_LOAD(y, c)));
}

MINKE_INLINE float sum_exp(const float *x, float shift, size_t count) {
  v16 total = {0};
  for (size_t c = 0; c < count; c += 16) total += MINKE_KEEP(c, exp16(MINKE_LOAD(x, c) - shift));
  return sum16(total);
}

MINKE_INLINE void add_exp(float *y, const float *x, const float *shifts, size_t count) {
  for (size_t c = 0; c < count; c += 16)
    MINKE_STORE(y, c, MINKE_LOAD(y, c) + exp16(MINKE_LOAD(x, c) - MINKE_LOAD(shifts, c)));
}

MINKE_INLINE void exp_all(float *x, float shift, size_t count) {
  for (size_t c = 0; c < count; c += 16) MINKE_STORE(x, c, exp16(MINKE_LOAD(x, c) - shift));
}

MINKE_INLINE float similarity_backward(const minke_similarity_row *row, size_t count, const float *before,
                                       float *gradient, float *column_sums) {
  v16 total = {0};
  for (size_t c = 0; c < count; c += 16) {
    const v16 logit = MINKE_LOAD(row->logits, c);
    v16 g = row->row_weight * exp16(logit - row->row_shift);
    if (row->column_shifts) g += row->column_weight * exp16(logit - MINKE_LOAD(row->column_shifts, c));
    if (row->targets) {
      g -= row->row_weight * MINKE_LOAD(row->targets, c);
    } else if (row->target >= c && row->target < c + 16) {
      const float wish = row->row_weight + (row->column_shifts ? row->column_weight : 0);
      g -= choose16(MINKE_LANES == (int32_t)(row->target - c), (v16){0} + wish, (v16){0});
    }
    const v16 share = MINKE_KEEP(c, g * logit);
    total += share;
    MINKE_STORE(column_sums, c, MINKE_LOAD(column_sums, c) + share);
    v16 raw = g * row->row_scale * MINKE_LOAD(row->column_scales, c);
    if (before) raw += MINKE_LOAD(before, c);
    MINKE_STORE(gradient, c, raw);
  }
  return sum16(total);
}

MINKE_INLINE v16 root16(v16 x) {
#if defined(__clang__)
  return __builtin_elementwise_sqrt(x);
#else
  for (int i = 0; i < 16; i++) x[i] = sqrtf(x[i]);
  return x;
#endif
}

MINKE_INLINE void adam(const minke_adam_step *s, float *value, const float *gradient, float *first, float *second,
                       size_t count) {
  for (size_t c = 0; c < count; c += 16) {
    const v16 g = gradient ? MINKE_LOAD(gradient, c) : (v16){0};
    v16 m = MINKE_LOAD(first, c), v = MINKE_LOAD(second, c);
    m += s->rest1 * (g - m);
    v = s->beta2 * v + s->rest2 * g * g;
    const v16 root = root16(v) / s->root_correction + s->epsilon;
    MINKE_STORE(first, c, m);
    MINKE_STORE(second, c, v);
    MINKE_STORE(value, c, MINKE_LOAD(value, c) * s->keep - s->step_size * (m / root));
  }
}

// One set of functions for each level: the bodies above, compiled for its instructions.
#define MINKE_TRAINING_LEVEL(LEVEL, TARGET)                                                                            \
  TARGET static void add_##LEVEL(float *y, const float *x, float factor, size_t count) { add(y, x, factor, count); }   \
  TARGET static float dot_##LEVEL(const float *x, const float *y, size_t count) { return dot(x, y, count); }           \
  TARGET static void transpose_##LEVEL(const float *x, size_t x_stride, size_t rows, size_t columns, float *y,         \
                                       size_t y_stride) {                                                              \
    transpose(x, x_stride, rows, columns, y, y_stride);                                                                \
  }                                                                                                                    \
  TARGET static void tanh_##LEVEL(const float *x, size_t count, float *y) { tanh_all(x, count, y); }                   \
  TARGET static void tanh_backward_##LEVEL(const float *y, const float *dy, size_t count, float *dx) {                 \
    tanh_backward(y, dy, count, dx);                                                                                   \
  }                                                                                                                    \
  TARGET static void dynamic_tanh_backward_##LEVEL(const float *x, const float *dy, const float *alpha,                \
                                                   const float *beta, const float *bias, size_t count, float *dx,      \
                                                   float *dalpha, float *dbeta, float *dbias) {                        \
    dynamic_tanh_backward(x, dy, alpha, beta, bias, count, dx, dalpha, dbeta, dbias);                                  \
  }                                                                                                                    \
  TARGET static void layer_norm_backward_##LEVEL(const float *x, const float *dy, const float *weight, float epsilon,  \
                                                 size_t count, float *dx, float *dweight, float *dbias) {              \
    layer_norm_backward(x, dy, weight, epsilon, count, dx, dweight, dbias);                                            \
  }                                                                                                                    \
  TARGET static float scale_columns_##LEVEL(float *logits, float factor, const float *scales, size_t count) {          \
    return scale_columns(logits, factor, scales, count);                                                               \
  }                                                                                                                    \
  TARGET static void maximum_##LEVEL(float *y, const float *x, size_t count) { maximum(y, x, count); }                 \
  TARGET static float sum_exp_##LEVEL(const float *x, float shift, size_t count) { return sum_exp(x, shift, count); }  \
  TARGET static void add_exp_##LEVEL(float *y, const float *x, const float *shifts, size_t count) {                    \
    add_exp(y, x, shifts, count);                                                                                      \
  }                                                                                                                    \
  TARGET static void exp_##LEVEL(float *x, float shift, size_t count) { exp_all(x, shift, count); }                    \
  TARGET static float similarity_backward_##LEVEL(const minke_similarity_row *row, size_t count, const float *before,  \
                                                  float *gradient, float *column_sums) {                               \
    return similarity_backward(row, count, before, gradient, column_sums);                                             \
  }                                                                                                                    \
  TARGET static float round_to_nibbles_##LEVEL(const float *x, float scale, size_t count, float *y) {                  \
    return round_to_nibbles(x, scale, count, y);                                                                       \
  }                                                                                                                    \
  TARGET static void adam_##LEVEL(const minke_adam_step *step, float *value, const float *gradient, float *first,      \
                                  float *second, size_t count) {                                                       \
    adam(step, value, gradient, first, second, count);                                                                 \
  }                                                                                                                    \
  static const minke_training_kernels kernels_##LEVEL = {                                                              \
      add_##LEVEL,                                                                                                     \
      dot_##LEVEL,                                                                                                     \
      transpose_##LEVEL,                                                                                               \
      tanh_##LEVEL,                                                                                                    \
      tanh_backward_##LEVEL,                                                                                           \
      dynamic_tanh_backward_##LEVEL,                                                                                   \
      layer_norm_backward_##LEVEL,                                                                                     \
      scale_columns_##LEVEL,                                                                                           \
      maximum_##LEVEL,                                                                                                 \
      sum_exp_##LEVEL,                                                                                                 \
      add_exp_##LEVEL,                                                                                                 \
      exp_##LEVEL,                                                                                                     \
      similarity_backward_##LEVEL,                                                                                     \
      round_to_nibbles_##LEVEL,                                                                                        \
      adam_##LEVEL,                                                                                                    \
  };

MINKE_VECTOR_LEVELS(MINKE_TRAINING_LEVEL, minke_training_kernels, minke_training)
