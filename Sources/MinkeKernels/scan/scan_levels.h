// The kernels of scan.h at each level, for the table in scan.c.
#ifndef MINKE_SCAN_LEVELS_H
#define MINKE_SCAN_LEVELS_H

#include "scan.h"

#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wunknown-pragmas"  // those of clang
#endif

#define MINKE_INLINE static inline __attribute__((always_inline))

#define MINKE_SCAN_DECLARE(level)                                                                                      \
  void minke_scan_dot_##level(const float *, size_t, size_t, const float *, size_t, float *, size_t);                  \
  void minke_scan_dot_int8_##level(const uint8_t *, const float *, size_t, size_t, minke_int8_tile, size_t, float *,   \
                                   size_t);                                                                            \
  void minke_scan_hamming_##level(const uint32_t *, size_t, size_t, const uint32_t *, size_t, float *, size_t);        \
  size_t minke_scan_select_##level(const float *, size_t, float, uint32_t *);                                          \
  float minke_scan_row_dot_##level(const float *, const float *, size_t);                                              \
  int32_t minke_scan_row_dot_int8_##level(const int8_t *, const int8_t *, size_t);                                     \
  uint64_t minke_scan_read_##level(const void *, size_t);

MINKE_SCAN_DECLARE(portable)
#if MINKE_X86
MINKE_SCAN_DECLARE(avx2)
MINKE_SCAN_DECLARE(avx512)
#include <immintrin.h>
#elif MINKE_ARM64
MINKE_SCAN_DECLARE(neon)
void minke_scan_dot_int8_dotprod(const uint8_t *, const float *, size_t, size_t, minke_int8_tile, size_t, float *,
                                 size_t);
#include <arm_neon.h>
#endif

#endif
