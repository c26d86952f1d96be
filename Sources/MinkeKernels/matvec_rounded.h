// Products of 4-bit weights with an x that is rounded to 8 bits: sums of whole numbers within a group, which are exact,
// times the two scales.
#ifndef MINKE_MATVEC_ROUNDED_H
#define MINKE_MATVEC_ROUNDED_H

#include "matvec.h"
#include "vector.h"

// A finite float16 number: moved into float32 its exponent is too small by 112, also where it is subnormal.
MINKE_INLINE float minke_half(uint16_t bits) {
#if MINKE_ARM64
  __fp16 half;
  memcpy(&half, &bits, sizeof half);
  return half;
#else
  const uint32_t magnitude = (uint32_t)(bits & 0x7fff) << 13;
  float value;
  memcpy(&value, &magnitude, sizeof value);
  value *= 0x1p112f;
  return bits & 0x8000 ? -value : value;
#endif
}

void minke_round_input_portable(const float *x, size_t inputs, const minke_rounded_input *rounded);
void minke_four_bit_rounded_portable(const minke_four_bit_rows *w, size_t rows, size_t inputs,
                                     const minke_rounded_input *x, float *y);
#if MINKE_X86
void minke_round_input_avx2(const float *x, size_t inputs, const minke_rounded_input *rounded);
void minke_four_bit_rounded_avx2(const minke_four_bit_rows *w, size_t rows, size_t inputs, const minke_rounded_input *x,
                                 float *y);
void minke_round_input_avx512(const float *x, size_t inputs, const minke_rounded_input *rounded);
void minke_four_bit_rounded_avx512(const minke_four_bit_rows *w, size_t rows, size_t inputs,
                                   const minke_rounded_input *x, float *y);
#elif MINKE_ARM64
void minke_four_bit_rounded_neon(const minke_four_bit_rows *w, size_t rows, size_t inputs, const minke_rounded_input *x,
                                 float *y);
void minke_four_bit_rounded_dotprod(const minke_four_bit_rows *w, size_t rows, size_t inputs,
                                    const minke_rounded_input *x, float *y);
#endif

#endif
