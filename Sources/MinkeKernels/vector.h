// Sixteen floats at once, for every level: the compiler turns the one type into as many registers as the level of the
// calling function needs (one with AVX-512, two with AVX2, four with SSE2 and NEON).
#ifndef MINKE_VECTOR_H
#define MINKE_VECTOR_H

#include <string.h>

#include "levels.h"

// Everything that takes or returns a vector here is inlined always, so no calling convention is involved.
#pragma GCC diagnostic ignored "-Wpsabi"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wunknown-pragmas"  // those of clang
#endif

#define MINKE_INLINE static inline __attribute__((always_inline))

typedef float v16 __attribute__((vector_size(64)));
typedef int32_t v16i __attribute__((vector_size(64)));
typedef float v16_unaligned __attribute__((vector_size(64), aligned(4), may_alias));

// Weights that come from far memory, as all do for a single text, are asked for four kilobytes before they are used.
#define MINKE_FETCH_AHEAD(p) __builtin_prefetch((const char *)(p) + 4096)

#define MINKE_LANES ((v16i){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})

MINKE_INLINE v16 load16(const float *p) { return *(const v16_unaligned *)p; }
MINKE_INLINE void store16(float *p, v16 v) { *(v16_unaligned *)p = v; }

// The first `count` of sixteen floats, the others 0.
MINKE_INLINE v16 load_some(const float *p, size_t count) {
  v16 v = {0};
  memcpy(&v, p, count * sizeof(float));
  return v;
}
MINKE_INLINE void store_some(float *p, v16 v, size_t count) { memcpy(p, &v, count * sizeof(float)); }

// `a` where the mask is all ones, `b` where it is all zeros.
MINKE_INLINE v16 choose16(v16i mask, v16 a, v16 b) { return (v16)((mask & (v16i)a) | (~mask & (v16i)b)); }
MINKE_INLINE v16 min16(v16 a, v16 b) { return choose16(a < b, a, b); }
MINKE_INLINE v16 max16(v16 a, v16 b) { return choose16(a > b, a, b); }
MINKE_INLINE v16 abs16(v16 a) { return (v16)((v16i)a & 0x7fffffff); }

MINKE_INLINE float sum16(v16 v) {
  float lanes[16];
  memcpy(lanes, &v, sizeof lanes);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
  return lanes[0];
}

MINKE_INLINE float largest16(v16 v) {
  float lanes[16];
  memcpy(lanes, &v, sizeof lanes);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
  return lanes[0];
}

// 2^x for x of -126 to 127, relative error below 1e-7: 2^n of the nearest whole number by shifting it into the
// exponent, times a minimax polynomial of degree 6 for the rest, which is -0.5 to 0.5.
MINKE_INLINE v16 exp2_16(v16 x) {
  const v16 magic = (v16){0} + 0x1.8p23f;  // adding it leaves the nearest whole number in the low bits
  v16 whole = x + magic;
  v16 f = x - (whole - magic);
  v16 p = f * 1.5345812e-4f + 1.3399932e-3f;
  p = p * f + 9.6184891e-3f;
  p = p * f + 5.5503286e-2f;
  p = p * f + 2.4022646e-1f;
  p = p * f + 6.9314718e-1f;
  p = p * f + 1.0f;
  return (v16)((v16i)p + ((v16i)whole << 23));
}

// Phi(-t), the share of the normal distribution below -t, for t of 0 to 6, absolute error below 1e-7: log2 of it is
// nearly a parabola, here a polynomial of degree 8.
MINKE_INLINE v16 normal_tail16(v16 t) {
  v16 p = t * -7.3146697e-7f + 1.2112663e-5f;
  p = p * t - 4.4207623e-5f;
  p = p * t - 5.2025839e-4f;
  p = p * t + 7.6412233e-3f;
  p = p * t - 5.2983463e-2f;
  p = p * t - 4.5899057e-1f;
  p = p * t - 1.15115f;
  p = p * t - 0.999997f;
  return exp2_16(p);
}

// GELU(x) = x Phi(x), absolute error below 1e-7: with t = |x|, it is max(x, 0) - t Phi(-t); beyond t = 6, t Phi(-t) is
// below 1e-8.
MINKE_INLINE v16 gelu16(v16 x) {
  v16 magnitude = abs16(x);
  v16 t = min16(magnitude, (v16){0} + 6.0f);
  // Half of x + |x|, unlike a comparison, keeps NaN.
  return 0.5f * (x + magnitude) - t * normal_tail16(t);
}

// The tables of a family whose bodies here are compiled once a level by MAKE, and NAME, which chooses among them.
#if MINKE_X86
#define MINKE_VECTOR_LEVELS(MAKE, TABLE, NAME)                                                                         \
  MAKE(portable, )                                                                                                     \
  MAKE(avx2, MINKE_TARGET_AVX2)                                                                                        \
  MAKE(avx512, MINKE_TARGET_AVX512)                                                                                    \
  const TABLE *NAME(minke_level level) {                                                                               \
    return level == MINKE_AVX512 ? &kernels_avx512 : level == MINKE_AVX2 ? &kernels_avx2 : &kernels_portable;          \
  }
#else
// Every 64-bit Arm has NEON, which the compiler uses for the portable bodies as well.
#define MINKE_VECTOR_LEVELS(MAKE, TABLE, NAME)                                                                         \
  MAKE(portable, )                                                                                                     \
  const TABLE *NAME(minke_level level) {                                                                               \
    (void)level;                                                                                                       \
    return &kernels_portable;                                                                                          \
  }
#endif

#endif
