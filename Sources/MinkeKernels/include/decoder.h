// The parts of a decoder layer between its matrix products.
#ifndef MINKE_DECODER_H
#define MINKE_DECODER_H

#include "levels.h"

typedef struct minke_decoder_kernels {
  /// y[i, :] = weight x[i, :] / sqrt(mean(x[i, :]^2) + epsilon). Rows lie `x_stride` and `y_stride` apart; y may be x.
  void (*rms_norm)(const float *x, size_t x_stride, const float *weight, float epsilon, size_t rows, size_t columns,
                   float *y, size_t y_stride);
  /// gate = silu(gate) up, with silu(x) = x / (1 + exp(-x)).
  void (*swiglu)(float *gate, const float *up, size_t count);
  /// x = silu(x).
  void (*silu)(float *x, size_t count);
} minke_decoder_kernels;

const minke_decoder_kernels *minke_decoder(minke_level level);

#endif
