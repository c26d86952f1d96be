#include "levels.h"

#if MINKE_X86
#include <cpuid.h>

// The register state that the operating system saves: without it the instructions exist but must not be used.
static uint64_t saved_state(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return ((uint64_t)high << 32) | low;
}

static minke_level detect(void) {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return MINKE_PORTABLE;
  const uint32_t base = bit_FMA | bit_POPCNT | bit_OSXSAVE | bit_AVX | bit_F16C;
  if ((c & base) != base || (saved_state() & 0x6) != 0x6) return MINKE_PORTABLE;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return MINKE_PORTABLE;
  const uint32_t wide = bit_AVX2 | bit_BMI | bit_BMI2;
  if ((b & wide) != wide) return MINKE_PORTABLE;
  const uint32_t ebx = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  const uint32_t ecx = bit_AVX512VBMI | bit_AVX512VNNI | bit_AVX512VPOPCNTDQ;
  if ((b & ebx) == ebx && (c & ecx) == ecx && (saved_state() & 0xe6) == 0xe6) return MINKE_AVX512;
  return MINKE_AVX2;
}

minke_level minke_best_level(void) { return detect(); }

bool minke_level_available(minke_level level) { return level >= MINKE_PORTABLE && level <= detect(); }

bool minke_has_dotprod(void) { return false; }

#elif MINKE_ARM64

#if defined(__linux__)
#include <sys/auxv.h>
#ifndef HWCAP_ASIMDDP
#define HWCAP_ASIMDDP (1 << 20)
#endif
bool minke_has_dotprod(void) { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
#else
#include <sys/sysctl.h>
bool minke_has_dotprod(void) {
  int present = 0;
  size_t size = sizeof present;
  return sysctlbyname("hw.optional.arm.FEAT_DotProd", &present, &size, NULL, 0) == 0 && present;
}
#endif

minke_level minke_best_level(void) { return MINKE_NEON; }

bool minke_level_available(minke_level level) { return level == MINKE_PORTABLE || level == MINKE_NEON; }

#else

minke_level minke_best_level(void) { return MINKE_PORTABLE; }

bool minke_level_available(minke_level level) { return level == MINKE_PORTABLE; }

bool minke_has_dotprod(void) { return false; }

#endif
