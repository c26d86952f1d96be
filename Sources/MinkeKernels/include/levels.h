// Instruction-set levels and their detection at run time.
#ifndef MINKE_LEVELS_H
#define MINKE_LEVELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum minke_level {
  MINKE_PORTABLE = 0,
  MINKE_AVX2 = 1,    // AVX2, FMA, F16C, POPCNT, BMI2
  MINKE_AVX512 = 2,  // AVX-512 F, BW, DQ, VL, VBMI, VNNI, VPOPCNTDQ and all of MINKE_AVX2 (Ice Lake, Zen 4 and later)
  MINKE_NEON = 3,    // every 64-bit Arm
} minke_level;

/// Whether this machine and its operating system can run the kernels of `level`.
bool minke_level_available(minke_level level);

/// The fastest level this machine can run.
minke_level minke_best_level(void);

/// Whether a 64-bit Arm processor has the int8 dot product (FEAT_DotProd); always false elsewhere.
bool minke_has_dotprod(void);

/// Tells the processor that the thread waits actively.
static inline void minke_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("isb");
#endif
}

#if defined(__x86_64__)
#define MINKE_X86 1
#define MINKE_TARGET_AVX2 __attribute__((target("avx2,fma,f16c,popcnt,bmi,bmi2")))
#define MINKE_TARGET_AVX512                                                                                            \
  __attribute__((target(                                                                                               \
      "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vnni,avx512vpopcntdq,avx2,fma,f16c,popcnt,bmi,bmi2")))
#elif defined(__aarch64__)
#define MINKE_ARM64 1
#define MINKE_TARGET_DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))
#endif

#endif
