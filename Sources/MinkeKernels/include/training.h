// What training needs beyond inference: the ways back of the operations, losses and optimisers.
#ifndef MINKE_TRAINING_H
#define MINKE_TRAINING_H

#include "levels.h"

/// One step of Adam (Kingma and Ba 2015) in the form and order of PyTorch's.
typedef struct minke_adam_step {
  float rest1;  // 1 - beta1
  float beta2;
  float rest2;  // 1 - beta2, which float32 would not give
  float epsilon;
  float step_size;        // the learning rate by 1 - beta1^t
  float root_correction;  // the square root of 1 - beta2^t
  float keep;             // what weights are multiplied with first: 1 - rate x decay
} minke_adam_step;

/// Rows of similarities of one Matryoshka size, as the losses go through them.
typedef struct minke_similarity_row {
  const float *logits;  // scale x cosine of this row with every column
  const float
      *column_shifts;  // logarithm of the sum of exp of each column, infinite for columns without a loss; or NULL
  const float *column_scales;  // 1 / length of each column's vector
  const float *targets;        // the wished distribution of this row; NULL where it is one column
  size_t target;               // that column
  float row_shift;             // logarithm of the sum of exp of the row
  float row_weight;            // of the loss of the row
  float column_weight;         // of the loss of each column
  float row_scale;             // scale / length of the row's vector
} minke_similarity_row;

typedef struct minke_training_kernels {
  /// y += factor x.
  void (*add)(float *y, const float *x, float factor, size_t count);
  /// The sum of the products of x and y: sixteen sums side by side, added up at the end, here and below.
  float (*dot)(const float *x, const float *y, size_t count);
  /// y[columns, rows] = the transpose of x[rows, columns].
  void (*transpose)(const float *x, size_t x_stride, size_t rows, size_t columns, float *y, size_t y_stride);

  /// y = tanh(x).
  void (*tanh)(const float *x, size_t count, float *y);
  /// dx += dy (1 - y^2), with y = tanh(x).
  void (*tanh_backward)(const float *y, const float *dy, size_t count, float *dx);
  /// The way back of y = beta tanh(alpha x + bias); everything is added to what is there.
  void (*dynamic_tanh_backward)(const float *x, const float *dy, const float *alpha, const float *beta,
                                const float *bias, size_t count, float *dx, float *dalpha, float *dbeta, float *dbias);
  /// The way back of a row of layer norm; everything is added to what is there.
  void (*layer_norm_backward)(const float *x, const float *dy, const float *weight, float epsilon, size_t count,
                              float *dx, float *dweight, float *dbias);

  /// logits = factor x column_scales[j]; returns the largest.
  float (*scale_columns)(float *logits, float factor, const float *column_scales, size_t count);
  /// y = the larger of x and y.
  void (*maximum)(float *y, const float *x, size_t count);
  /// The sum of exp(x - shift), where x is at most shift.
  float (*sum_exp)(const float *x, float shift, size_t count);
  /// y[j] += exp(x[j] - shifts[j]), where x[j] is at most shifts[j].
  void (*add_exp)(float *y, const float *x, const float *shifts, size_t count);
  /// x = exp(x - shift).
  void (*exp)(float *x, float shift, size_t count);

  /// Writes the gradient of the raw products of a row and every column to `gradient`, plus `before` (the same of larger
  /// sizes; may be NULL; may be `gradient`), and adds gradient x logit to `column_sums`, before the division by lengths.
  /// Returns the sum of gradient x logit over the row.
  float (*similarity_backward)(const minke_similarity_row *row, size_t count, const float *before, float *gradient,
                               float *column_sums);

  /// y = x rounded to the 16 numbers (q / 7.5 - 1) scale of a row of 4-bit numbers; returns the sum of the squared
  /// differences. `y` may be NULL.
  float (*round_to_nibbles)(const float *x, float scale, size_t count, float *y);

  /// Adam over `count` numbers; a NULL gradient stands for zeros.
  void (*adam)(const minke_adam_step *step, float *value, const float *gradient, float *first, float *second,
               size_t count);
} minke_training_kernels;

const minke_training_kernels *minke_training(minke_level level);

#endif
