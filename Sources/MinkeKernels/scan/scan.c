#include "scan_levels.h"

#define KERNELS(level, int8_level)                                                                                     \
  {                                                                                                                    \
      minke_scan_dot_##level,    minke_scan_dot_int8_##int8_level, minke_scan_hamming_##level,                         \
      minke_scan_select_##level, minke_scan_row_dot_##level,       minke_scan_row_dot_int8_##level,                    \
      minke_scan_read_##level}

const minke_scan_kernels *minke_scan(minke_level level) {
  static const minke_scan_kernels portable = KERNELS(portable, portable);
#if MINKE_X86
  static const minke_scan_kernels avx2 = KERNELS(avx2, avx2), avx512 = KERNELS(avx512, avx512);
  if (level == MINKE_AVX2) return &avx2;
  if (level == MINKE_AVX512) return &avx512;
#elif MINKE_ARM64
  static const minke_scan_kernels neon = KERNELS(neon, neon), dotprod = KERNELS(neon, dotprod);
  if (level == MINKE_NEON) return minke_has_dotprod() ? &dotprod : &neon;
#endif
  return &portable;
}
