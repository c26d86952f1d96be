// The parts of transformer and decoder layers between their matrix products, as training needs them: the ways back.
#ifndef MINKE_BACKWARD_H
#define MINKE_BACKWARD_H

#include "levels.h"

/// Gradients named `dx` are overwritten, or with `adding` added to; those of weights are always added to.
typedef struct minke_backward_kernels {
  /// The way back of y = x Phi(x), the exact GELU.
  void (*gelu_backward)(const float *x, const float *dy, size_t count, float *dx, bool adding);
  /// The way back of y = x / (1 + exp(-x)).
  void (*silu_backward)(const float *x, const float *dy, size_t count, float *dx, bool adding);
  /// The way back of y = silu(gate) up.
  void (*swiglu_backward)(const float *gate, const float *up, const float *dy, size_t count, float *dgate, float *dup,
                          bool adding);

  /// The way back of a row of y = weight x / sqrt(mean(x^2) + epsilon).
  void (*rms_norm_backward)(const float *x, const float *dy, const float *weight, float epsilon, size_t count,
                            float *dx, bool adding, float *dweight);

  /// The way back of a row of shares = softmax(scale x): `gradient`, that of the shares, becomes that of x.
  void (*softmax_backward)(const float *shares, float *gradient, float scale, size_t count);
  /// The logarithm of the sum of exp(x).
  float (*log_sum_exp)(const float *x, size_t count);
  /// x = factor exp(x - shift), where x is at most shift.
  void (*scaled_exp)(float *x, float shift, float factor, size_t count);

  /// y = gamma (erf(alpha l + bias) + 1) / 2 r, the gate of the engram.
  void (*engram_gate)(const float *l, const float *r, const float *alpha, const float *bias, const float *gamma,
                      size_t count, float *y);
  /// `dl` and `dr` are overwritten.
  void (*engram_gate_backward)(const float *l, const float *r, const float *alpha, const float *bias,
                               const float *gamma, const float *dy, size_t count, float *dl, float *dr, float *dalpha,
                               float *dbias, float *dgamma);
} minke_backward_kernels;

const minke_backward_kernels *minke_backward(minke_level level);

#endif
