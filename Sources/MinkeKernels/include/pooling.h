// Static embeddings: the mean of a text's rows of a token table, and what follows it.
#ifndef MINKE_POOLING_H
#define MINKE_POOLING_H

#include "levels.h"

typedef struct minke_pooling_kernels {
  /// sum[c] = the sum over t < count of table[ids[t] * stride + c], for c < columns: 32 rows after each other, then these
  /// sums after each other, here and below.
  void (*sum_rows)(const float *table, size_t stride, const int32_t *ids, size_t count, size_t columns, float *sum);

  /// The same with each row multiplied by weights[t].
  void (*sum_weighted_rows)(const float *table, size_t stride, const int32_t *ids, const float *weights, size_t count,
                            size_t columns, float *sum);

  /// The same for a 4-bit table: row r is stride bytes at packed + r * stride, each byte two columns, the even one in
  /// its high nibble; a nibble q stands for (q / 7.5 - 1) * scales[r]. columns must be even.
  void (*sum_packed_rows)(const uint8_t *packed, size_t stride, const float *scales, const int32_t *ids, size_t count,
                          size_t columns, float *sum);

  /// x[c] = beta[c] * tanh(alpha[c] * x[c] + bias[c]), for c < count; within 3e-7 of the exact value times beta.
  void (*dynamic_tanh)(float *x, const float *alpha, const float *beta, const float *bias, size_t count);

  /// x[c] *= factor, for c < count.
  void (*scale)(float *x, float factor, size_t count);

  /// The sum of the squares of x.
  float (*sum_of_squares)(const float *x, size_t count);
} minke_pooling_kernels;

/// The pooling kernels of `level`.
const minke_pooling_kernels *minke_pooling(minke_level level);

#endif
