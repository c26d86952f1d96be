#include "transformer.h"

#include <math.h>

#include "vector.h"

MINKE_INLINE v16 added(const float *x, const float *residual, size_t column, size_t count) {
  if (count >= 16) return residual ? load16(x + column) + load16(residual + column) : load16(x + column);
  v16 v = load_some(x + column, count);
  return residual ? v + load_some(residual + column, count) : v;
}

MINKE_INLINE void layer_norm_rows(const float *x, const float *residual, const float *weight, const float *bias,
                                  float epsilon, size_t rows, size_t columns, float *y) {
  for (size_t row = 0; row < rows; row++) {
    v16 total = {0};
    size_t c = 0;
    for (; c < columns; c += 16) {
      v16 v = added(x, residual, c, columns - c);
      if (columns - c >= 16) store16(y + c, v);
      else store_some(y + c, v, columns - c);
      total += v;
    }
    const float mean = sum16(total) / (float)columns;
    v16 squares = {0};
    for (c = 0; c + 16 <= columns; c += 16) {
      v16 v = load16(y + c) - mean;
      squares += v * v;
    }
    if (c < columns) {
      v16 v = choose16(MINKE_LANES < (int32_t)(columns - c), load_some(y + c, columns - c) - mean, (v16){0});
      squares += v * v;
    }
    const float scale = 1.0f / sqrtf(sum16(squares) / (float)columns + epsilon);
    for (c = 0; c + 16 <= columns; c += 16)
      store16(y + c, (load16(y + c) - mean) * scale * load16(weight + c) + load16(bias + c));
    for (; c < columns; c++) y[c] = (y[c] - mean) * scale * weight[c] + bias[c];
    x += columns;
    y += columns;
    if (residual) residual += columns;
  }
}

MINKE_INLINE void softmax_rows(float *x, size_t rows, size_t columns, size_t stride, float scale) {
  const v16 lowest = (v16){0} - INFINITY;
  const float factor = scale * 1.44269504f;  // exp(z) = 2^(z / ln 2)
  for (size_t row = 0; row < rows; row++, x += stride) {
    v16 largest = lowest;
    for (size_t c = 0; c < columns; c += 16) {
      v16 v = choose16(MINKE_LANES < (int32_t)(columns - c), load16(x + c) * factor, lowest);
      store16(x + c, v);
      largest = max16(v, largest);
    }
    const float top = largest16(largest);
    v16 total = {0};
    for (size_t c = 0; c < columns; c += 16) {
      v16 z = load16(x + c) - top;
      // Below 2^-126 is nothing beside the largest, which is 1; written so that NaN stays NaN.
      v16 v = choose16(z < -126.0f, (v16){0}, exp2_16(choose16(z < -126.0f, (v16){0}, z)));
      store16(x + c, v);
      total += v;
    }
    const float share = 1.0f / sum16(total);
    for (size_t c = 0; c < columns; c += 16) store16(x + c, load16(x + c) * share);
  }
}

MINKE_INLINE void gelu_rows(float *x, size_t rows, size_t columns, size_t stride) {
  for (size_t row = 0; row < rows; row++, x += stride) {
    size_t c = 0;
    for (; c + 16 <= columns; c += 16) store16(x + c, gelu16(load16(x + c)));
    if (c < columns) store_some(x + c, gelu16(load_some(x + c, columns - c)), columns - c);
  }
}

// One set of functions for each level: the bodies above, compiled for its instructions.
#define MINKE_TRANSFORMER_LEVEL(LEVEL, TARGET)                                                                         \
  TARGET static void layer_norm_##LEVEL(const float *x, const float *residual, const float *weight, const float *bias, \
                                        float epsilon, size_t rows, size_t columns, float *y) {                        \
    layer_norm_rows(x, residual, weight, bias, epsilon, rows, columns, y);                                             \
  }                                                                                                                    \
  TARGET static void softmax_##LEVEL(float *x, size_t rows, size_t columns, size_t stride, float scale) {              \
    softmax_rows(x, rows, columns, stride, scale);                                                                     \
  }                                                                                                                    \
  TARGET static void gelu_##LEVEL(float *x, size_t rows, size_t columns, size_t stride) {                              \
    gelu_rows(x, rows, columns, stride);                                                                               \
  }                                                                                                                    \
  static const minke_transformer_kernels kernels_##LEVEL = {layer_norm_##LEVEL, softmax_##LEVEL, gelu_##LEVEL};

MINKE_VECTOR_LEVELS(MINKE_TRANSFORMER_LEVEL, minke_transformer_kernels, minke_transformer)
