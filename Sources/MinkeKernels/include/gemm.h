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

#endif
