// Widening of half-precision numbers to float.
#ifndef MINKE_CONVERT_H
#define MINKE_CONVERT_H

#include "levels.h"

typedef struct minke_convert_kernels {
  /// IEEE binary16 to float, exactly; NaN stays NaN.
  void (*f16_to_f32)(const uint16_t *from, float *to, size_t count);
  /// bfloat16 to float, exactly.
  void (*bf16_to_f32)(const uint16_t *from, float *to, size_t count);
} minke_convert_kernels;

const minke_convert_kernels *minke_convert(minke_level level);

#endif
