#include "decoder.h"

#include <math.h>

#include "vector.h"

MINKE_INLINE void rms_norm(const float *x, size_t x_stride, const float *weight, float epsilon, size_t rows,
                           size_t columns, float *y, size_t y_stride) {
  for (size_t row = 0; row < rows; row++, x += x_stride, y += y_stride) {
    v16 squares = {0};
    size_t c = 0;
    for (; c + 16 <= columns; c += 16) squares += load16(x + c) * load16(x + c);
    if (c < columns) {
      const v16 v = load_some(x + c, columns - c);
      squares += v * v;
    }
    const float scale = 1.0f / sqrtf(sum16(squares) / (float)columns + epsilon);
    for (c = 0; c + 16 <= columns; c += 16) store16(y + c, load16(x + c) * scale * load16(weight + c));
    for (; c < columns; c++) y[c] = x[c] * scale * weight[c];
  }
}

// The exponent is held where 2^x is finite; beyond, x / (1 + 2^126) is as good as 0.
MINKE_INLINE v16 silu16(v16 x) {
  const v16 limit = (v16){0} + 126.0f;
  return x / (1.0f + exp2_16(max16(min16(x * -1.44269504f, limit), -limit)));
}

MINKE_INLINE void swiglu(float *gate, const float *up, size_t count) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) store16(gate + i, silu16(load16(gate + i)) * load16(up + i));
  if (i < count) store_some(gate + i, silu16(load_some(gate + i, count - i)) * load_some(up + i, count - i), count - i);
}

MINKE_INLINE void silu(float *x, size_t count) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) store16(x + i, silu16(load16(x + i)));
  if (i < count) store_some(x + i, silu16(load_some(x + i, count - i)), count - i);
}

// One set of functions for each level: the bodies above, compiled for its instructions.
#define MINKE_DECODER_LEVEL(LEVEL, TARGET)                                                                             \
  TARGET static void rms_norm_##LEVEL(const float *x, size_t x_stride, const float *weight, float epsilon,             \
                                      size_t rows, size_t columns, float *y, size_t y_stride) {                        \
    rms_norm(x, x_stride, weight, epsilon, rows, columns, y, y_stride);                                                \
  }                                                                                                                    \
  TARGET static void swiglu_##LEVEL(float *gate, const float *up, size_t count) { swiglu(gate, up, count); }           \
  TARGET static void silu_##LEVEL(float *x, size_t count) { silu(x, count); }                                          \
  static const minke_decoder_kernels kernels_##LEVEL = {rms_norm_##LEVEL, swiglu_##LEVEL, silu_##LEVEL};

MINKE_VECTOR_LEVELS(MINKE_DECODER_LEVEL, minke_decoder_kernels, minke_decoder)
