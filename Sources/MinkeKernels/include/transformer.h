// The parts of a transformer layer between its matrix products.
#ifndef MINKE_TRANSFORMER_H
#define MINKE_TRANSFORMER_H

#include "levels.h"

typedef struct minke_transformer_kernels {
  /// y[i, :] = LayerNorm(x[i, :] + residual[i, :]) with biased variance; `residual` may be NULL and `y` may be either.
  /// All rows lie `columns` apart.
  void (*layer_norm)(const float *x, const float *residual, const float *weight, const float *bias, float epsilon,
                     size_t rows, size_t columns, float *y);
  /// x[i, j] = exp(scale x[i, j]) / sum over j. Rows lie `stride` apart, a multiple of 16 that is at least `columns`;
  /// what a row holds beyond its columns is overwritten.
  void (*softmax)(float *x, size_t rows, size_t columns, size_t stride, float scale);
  /// x = x Phi(x), the exact GELU.
  void (*gelu)(float *x, size_t rows, size_t columns, size_t stride);
} minke_transformer_kernels;

const minke_transformer_kernels *minke_transformer(minke_level level);

#endif
