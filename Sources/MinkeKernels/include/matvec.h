// y = W x for one x and weights as they lie in their file, row after row: the products of decoding, one token at a
// time.
#ifndef MINKE_MATVEC_H
#define MINKE_MATVEC_H

#include "levels.h"

/// Weights that share one scale and one minimum in 4 bits.
#define MINKE_FOUR_BIT_GROUP 32

/// W in 4 bits: w[n, k] = scale q + minimum with q from 0 to 15, a scale and a minimum for each group of 32 k, the last
/// of which may be cut short. Byte i of a group holds q of its k = i in the low half, of k = i + 16 in the high half.
typedef struct minke_four_bit_rows {
  const uint8_t *q;          // [rows, groups, 16]
  const uint16_t *scales;    // [rows, groups], float16
  const uint16_t *minimums;  // [rows, groups], float16
} minke_four_bit_rows;

static inline size_t minke_four_bit_groups(size_t inputs) {
  return (inputs + MINKE_FOUR_BIT_GROUP - 1) / MINKE_FOUR_BIT_GROUP;
}

/// An x rounded to 8 bits for 4-bit weights: x[k] is nearly scale q with q from -127 to 127, a scale for each group of
/// 32 k. Groups are padded with zeros to a multiple of 16.
typedef struct minke_rounded_input {
  int8_t *q;      // [groups / 4, 2, 4, 16]: of four groups the first halves, then the second ones
  float *scales;  // [groups]
  float *sums;    // [groups], of x itself: what the minimums are multiplied with
} minke_rounded_input;

/// Groups of a rounded x, padded.
static inline size_t minke_rounded_groups(size_t inputs) { return (minke_four_bit_groups(inputs) + 15) / 16 * 16; }

typedef struct minke_matvec_kernels {
  /// y[n] = sum over k of w[n, k] x[k].
  void (*float32)(const float *w, size_t rows, size_t inputs, const float *x, float *y);
  /// The same with w[n, k] = scales[n] q[n, k].
  void (*int8)(const int8_t *q, const float *scales, size_t rows, size_t inputs, const float *x, float *y);
  void (*four_bit)(const minke_four_bit_rows *w, size_t rows, size_t inputs, const float *x, float *y);
  /// Writes the weights themselves to y[rows, inputs].
  void (*unpack_int8)(const int8_t *q, const float *scales, size_t rows, size_t inputs, float *y);
  void (*unpack_four_bit)(const minke_four_bit_rows *w, size_t rows, size_t inputs, float *y);
  /// Rounds x[inputs].
  void (*round_input)(const float *x, size_t inputs, const minke_rounded_input *rounded);
  /// y = W x with a rounded x: several times as fast, and each x wrong by up to 1/254 of its group's largest.
  void (*four_bit_rounded)(const minke_four_bit_rows *w, size_t rows, size_t inputs, const minke_rounded_input *x,
                           float *y);
} minke_matvec_kernels;

const minke_matvec_kernels *minke_matvec(minke_level level);

#endif
