#include "backward.h"

#include <math.h>

#include "rows.h"

// Adds v to what p holds, or overwrites it.
#define MINKE_PUT(p, c, v)                                                                                             \
  do {                                                                                                                 \
    const v16 put = adding ? MINKE_LOAD(p, c) + (v) : (v);                                                             \
    MINKE_STORE(p, c, put);                                                                                            \
  } while (0)

#define MINKE_ROOT_HALF 0.707106781f
#define MINKE_ROOT_TWO 1.41421356f
#define MINKE_ROOT_PI_INVERSE 0.564189584f

// Phi(x), the share of the normal distribution below x, absolute error below 1e-7.
MINKE_INLINE v16 normal16(v16 x) {
  const v16 tail = normal_tail16(min16(abs16(x), (v16){0} + 6.0f));
  return choose16(x < 0.0f, tail, 1.0f - tail);
}

// 1 / (1 + exp(-x)); the exponent is held where 2^x is finite.
MINKE_INLINE v16 logistic16(v16 x) {
  const v16 limit = (v16){0} + 126.0f;
  return 1.0f / (1.0f + exp2_16(max16(min16(x * -1.44269504f, limit), -limit)));
}

// The derivative is Phi(x) + x phi(x), with phi(x) = exp(-x^2 / 2) / sqrt(2 pi).
MINKE_INLINE void gelu_backward(const float *x, const float *dy, size_t count, float *dx, bool adding) {
  for (size_t c = 0; c < count; c += 16) {
    const v16 v = MINKE_LOAD(x, c);
    const v16 density = exp16(-0.5f * v * v) * (MINKE_ROOT_HALF * MINKE_ROOT_PI_INVERSE);
    MINKE_PUT(dx, c, MINKE_LOAD(dy, c) * (normal16(v) + v * density));
  }
}

// With s = 1 / (1 + exp(-x)) the derivative is s (1 + x (1 - s)).
MINKE_INLINE void silu_backward(const float *x, const float *dy, size_t count, float *dx, bool adding) {
  for (size_t c = 0; c < count; c += 16) {
    const v16 v = MINKE_LOAD(x, c), s = logistic16(v);
    MINKE_PUT(dx, c, MINKE_LOAD(dy, c) * s * (1.0f + v * (1.0f - s)));
  }
}

MINKE_INLINE void swiglu_backward(const float *gate, const float *up, const float *dy, size_t count, float *dgate,
                                  float *dup, bool adding) {
  for (size_t c = 0; c < count; c += 16) {
    const v16 g = MINKE_LOAD(gate, c), s = logistic16(g), d = MINKE_LOAD(dy, c);
    MINKE_PUT(dgate, c, d * MINKE_LOAD(up, c) * s * (1.0f + g * (1.0f - s)));
    MINKE_PUT(dup, c, d * g * s);
  }
}

MINKE_INLINE void rms_norm_backward(const float *x, const float *dy, const float *weight, float epsilon, size_t count,
                                    float *dx, bool adding, float *dweight) {
  v16 squares = {0};
  for (size_t c = 0; c < count; c += 16) squares += MINKE_LOAD(x, c) * MINKE_LOAD(x, c);
  const float scale = 1.0f / sqrtf(sum16(squares) / (float)count + epsilon);
  // With n the normed row and g = dy weight: dx = scale (g - n mean(g n)).
  v16 sum = {0};
  for (size_t c = 0; c < count; c += 16) sum += MINKE_LOAD(dy, c) * MINKE_LOAD(weight, c) * MINKE_LOAD(x, c);
  const float mean = sum16(sum) * scale / (float)count;
  for (size_t c = 0; c < count; c += 16) {
    const v16 d = MINKE_LOAD(dy, c), n = MINKE_LOAD(x, c) * scale;
    MINKE_STORE(dweight, c, MINKE_LOAD(dweight, c) + d * n);
    MINKE_PUT(dx, c, scale * (d * MINKE_LOAD(weight, c) - n * mean));
  }
}

MINKE_INLINE void softmax_backward(const float *shares, float *gradient, float scale, size_t count) {
  v16 sum = {0};
  for (size_t c = 0; c < count; c += 16) sum += MINKE_LOAD(shares, c) * MINKE_LOAD(gradient, c);
  const float mean = sum16(sum);
  for (size_t c = 0; c < count; c += 16)
    MINKE_STORE(gradient, c, scale * MINKE_LOAD(shares, c) * (MINKE_LOAD(gradient, c) - mean));
}

MINKE_INLINE float log_sum_exp(const float *x, size_t count) {
  v16 largest = (v16){0} - INFINITY;
  for (size_t c = 0; c < count; c += 16) {
    v16 v = MINKE_LOAD(x, c);
    if (count - c < 16) v = choose16(MINKE_LANES < (int32_t)(count - c), v, largest);
    largest = max16(v, largest);
  }
  const float shift = largest16(largest);
  v16 total = {0};
  for (size_t c = 0; c < count; c += 16) total += MINKE_KEEP(c, exp16(MINKE_LOAD(x, c) - shift));
  return shift + logf(sum16(total));
}

MINKE_INLINE void scaled_exp(float *x, float shift, float factor, size_t count) {
  for (size_t c = 0; c < count; c += 16) MINKE_STORE(x, c, factor * exp16(MINKE_LOAD(x, c) - shift));
}

// (erf(z) + 1) / 2 is Phi(z sqrt(2)).
MINKE_INLINE void engram_gate(const float *l, const float *r, const float *alpha, const float *bias, const float *gamma,
                              size_t count, float *y) {
  for (size_t c = 0; c < count; c += 16) {
    const v16 z = MINKE_LOAD(alpha, c) * MINKE_LOAD(l, c) + MINKE_LOAD(bias, c);
    MINKE_STORE(y, c, MINKE_LOAD(gamma, c) * normal16(z * MINKE_ROOT_TWO) * MINKE_LOAD(r, c));
  }
}

MINKE_INLINE void engram_gate_backward(const float *l, const float *r, const float *alpha, const float *bias,
                                       const float *gamma, const float *dy, size_t count, float *dl, float *dr,
                                       float *dalpha, float *dbias, float *dgamma) {
  for (size_t c = 0; c < count; c += 16) {
    const v16 a = MINKE_LOAD(alpha, c), g = MINKE_LOAD(gamma, c), d = MINKE_LOAD(dy, c);
    const v16 from = MINKE_LOAD(l, c), memory = MINKE_LOAD(r, c);
    const v16 z = a * from + MINKE_LOAD(bias, c), open = normal16(z * MINKE_ROOT_TWO);
    const v16 dz = d * g * memory * exp16(-z * z) * MINKE_ROOT_PI_INVERSE;
    MINKE_STORE(dgamma, c, MINKE_LOAD(dgamma, c) + d * open * memory);
    MINKE_STORE(dalpha, c, MINKE_LOAD(dalpha, c) + dz * from);
    MINKE_STORE(dbias, c, MINKE_LOAD(dbias, c) + dz);
    MINKE_STORE(dl, c, dz * a);
    MINKE_STORE(dr, c, d * g * open);
  }
}

// One set of functions for each level: the bodies above, compiled for its instructions.
#define MINKE_BACKWARD_LEVEL(LEVEL, TARGET)                                                                            \
  TARGET static void gelu_backward_##LEVEL(const float *x, const float *dy, size_t count, float *dx, bool adding) {    \
    gelu_backward(x, dy, count, dx, adding);                                                                           \
  }                                                                                                                    \
  TARGET static void silu_backward_##LEVEL(const float *x, const float *dy, size_t count, float *dx, bool adding) {    \
    silu_backward(x, dy, count, dx, adding);                                                                           \
  }                                                                                                                    \
  TARGET static void swiglu_backward_##LEVEL(const float *gate, const float *up, const float *dy, size_t count,        \
                                             float *dgate, float *dup, bool adding) {                                  \
    swiglu_backward(gate, up, dy, count, dgate, dup, adding);                                                          \
  }                                                                                                                    \
  TARGET static void rms_norm_backward_##LEVEL(const float *x, const float *dy, const float *weight, float epsilon,    \
                                               size_t count, float *dx, bool adding, float *dweight) {                 \
    rms_norm_backward(x, dy, weight, epsilon, count, dx, adding, dweight);                                             \
  }                                                                                                                    \
  TARGET static void softmax_backward_##LEVEL(const float *shares, float *gradient, float scale, size_t count) {       \
    softmax_backward(shares, gradient, scale, count);                                                                  \
  }                                                                                                                    \
  TARGET static float log_sum_exp_##LEVEL(const float *x, size_t count) { return log_sum_exp(x, count); }              \
  TARGET static void scaled_exp_##LEVEL(float *x, float shift, float factor, size_t count) {                           \
    scaled_exp(x, shift, factor, count);                                                                               \
  }                                                                                                                    \
  TARGET static void engram_gate_##LEVEL(const float *l, const float *r, const float *alpha, const float *bias,        \
                                         const float *gamma, size_t count, float *y) {                                 \
    engram_gate(l, r, alpha, bias, gamma, count, y);                                                                   \
  }                                                                                                                    \
  TARGET static void engram_gate_backward_##LEVEL(                                                                     \
      const float *l, const float *r, const float *alpha, const float *bias, const float *gamma, const float *dy,      \
      size_t count, float *dl, float *dr, float *dalpha, float *dbias, float *dgamma) {                                \
    engram_gate_backward(l, r, alpha, bias, gamma, dy, count, dl, dr, dalpha, dbias, dgamma);                          \
  }                                                                                                                    \
  static const minke_backward_kernels kernels_##LEVEL = {                                                              \
      gelu_backward_##LEVEL,     silu_backward_##LEVEL,    swiglu_backward_##LEVEL,                                    \
      rms_norm_backward_##LEVEL, softmax_backward_##LEVEL, log_sum_exp_##LEVEL,                                        \
      scaled_exp_##LEVEL,        engram_gate_##LEVEL,      engram_gate_backward_##LEVEL,                               \
  };

MINKE_VECTOR_LEVELS(MINKE_BACKWARD_LEVEL, minke_backward_kernels, minke_backward)
