// y = x W^T + b: matrix products with weights that were packed once into panels.
#ifndef MINKE_GEMM_H
#define MINKE_GEMM_H

#include "levels.h"

/// Outputs (rows of W) that stand side by side in one panel.
#define MINKE_PANEL 32

/// What is done to each y once it is complete.
typedef enum minke_activation {
  MINKE_IDENTITY = 0,
  MINKE_GELU = 1,  // exact: x Phi(x)
} minke_activation;

/// One product y[m, n] = activation(sum over k of x[m, k] w[n, k] + bias[n]).
///
/// Every y is summed over k in the same order whatever `rows` and `columns` are, so a row's result does not depend on
/// the rows computed with it, nor on how the columns are split over calls: a call for the columns from 32 p on takes
/// `panels`, `bias` and `y` moved to there.
typedef struct minke_gemm_call {
  size_t rows;     // of x and y
  size_t columns;  // of y; rows of W
  size_t depth;    // columns of x and W
  const float *x;
  size_t x_stride;  // numbers from one row of x to the next
  const float *panels;
  const float *bias;  // may be NULL
  float *y;
  size_t y_stride;
  minke_activation activation;
  bool adding;  // to what y holds, in place of the bias
} minke_gemm_call;

/// Numbers that `columns` x `depth` packed weights take.
static inline size_t minke_gemm_panel_count(size_t columns, size_t depth) {
  return (columns + MINKE_PANEL - 1) / MINKE_PANEL * MINKE_PANEL * depth;
}

typedef struct minke_gemm_kernels {
  void (*multiply)(const minke_gemm_call *call);
  /// Packs w[columns, depth], whose rows lie `stride` apart: panel p holds, for each k in turn, the 32 weights
  /// w[32 p .. 32 p + 31, k], zeros beyond the last column.
  void (*pack)(const float *w, size_t stride, size_t columns, size_t depth, float *panels);
  /// Packs the transpose of w[depth, columns] likewise.
  void (*pack_transposed)(const float *w, size_t stride, size_t columns, size_t depth, float *panels);
} minke_gemm_kernels;

const minke_gemm_kernels *minke_gemm(minke_level level);

/// The same product over numbers rounded to 8 bits, summed exactly in 32:
/// y[m, n] = activation(x_scale[m] w_scale[n] (sum over k of q[m, k] w[n, k] - x_zero[m] w_sum[n]) + bias[n]).
typedef struct minke_gemm_int8_call {
  size_t rows;
  size_t columns;
  size_t depth;           // at most 65536, so that no sum overflows
  const uint8_t *x;       // rows from `quantize`, minke_gemm_int8_depth(depth) bytes apart
  const float *x_scales;  // of each row of x
  const int32_t *x_zeros;
  const int8_t *panels;
  const float *w_scales;  // of each row of W
  const int32_t *w_sums;
  const float *bias;  // may be NULL
  float *y;
  size_t y_stride;
  minke_activation activation;
} minke_gemm_int8_call;

/// `depth` rounded up to whole groups of 4, which is how bytes are multiplied.
static inline size_t minke_gemm_int8_depth(size_t depth) { return (depth + 3) / 4 * 4; }

typedef struct minke_gemm_int8_kernels {
  void (*multiply)(const minke_gemm_int8_call *call);
  /// Rounds each row of w[columns, depth] to -127 ... 127 by a scale of its own and packs it: panel p holds, for each
  /// four k in turn, four bytes of each of the 32 rows w[32 p ... 32 p + 31], zeros beyond the last. `sums` holds the
  /// sum of each rounded row.
  void (*pack)(const float *w, size_t stride, size_t columns, size_t depth, int8_t *panels, float *scales,
               int32_t *sums);
  /// Rounds each row of x, multiplied by `factors` [depth] unless that is NULL, to one of 256 values between its least
  /// and greatest number, 0 among them: x times its factor is nearly scale (q - zero). A row with NaN or infinity gets
  /// the scale NaN. Whether q is stored as 0 ... 255 or as -128 ... 127 is the level's own choice, and `zeros` agrees
  /// with it.
  void (*quantize)(const float *x, size_t stride, const float *factors, size_t rows, size_t depth, uint8_t *q,
                   float *scales, int32_t *zeros);
} minke_gemm_int8_kernels;

const minke_gemm_int8_kernels *minke_gemm_int8(minke_level level);

#endif
