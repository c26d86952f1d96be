#include "convert.h"

#include <string.h>

static float f16(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = half & 0x7fff, bits;
  if (magnitude >= 0x7c00) {
    bits = magnitude << 13 | 0x7f800000 | (magnitude > 0x7c00 ? 0x00400000 : 0);
  } else if (magnitude >= 0x0400) {
    bits = (magnitude << 13) + ((127 - 15) << 23);
  } else {
    // A subnormal half is a whole number of 2^-24ths, which a float holds exactly.
    float value = (float)magnitude * 0x1p-24f;
    memcpy(&bits, &value, sizeof bits);
  }
  bits |= sign;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

static float bf16(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

static void f16_portable(const uint16_t *from, float *to, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = f16(from[i]);
}

static void bf16_portable(const uint16_t *from, float *to, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = bf16(from[i]);
}

static const minke_convert_kernels portable = {f16_portable, bf16_portable};

#if MINKE_X86
#include <immintrin.h>

MINKE_TARGET_AVX2 static void f16_avx2(const uint16_t *from, float *to, size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(from + i))));
  }
  f16_portable(from + i, to + i, count - i);
}

MINKE_TARGET_AVX512 static void f16_avx512(const uint16_t *from, float *to, size_t count) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    _mm512_storeu_ps(to + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(from + i))));
  }
  f16_avx2(from + i, to + i, count - i);
}

// bfloat16 is one shift: the compiler's own vectors already run at the speed of memory.
static const minke_convert_kernels avx2 = {f16_avx2, bf16_portable};
static const minke_convert_kernels avx512 = {f16_avx512, bf16_portable};

const minke_convert_kernels *minke_convert(minke_level level) {
  return level == MINKE_AVX512 ? &avx512 : level == MINKE_AVX2 ? &avx2 : &portable;
}

#elif MINKE_ARM64
#include <arm_neon.h>

static void f16_neon(const uint16_t *from, float *to, size_t count) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4) { vst1q_f32(to + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from + i)))); }
  f16_portable(from + i, to + i, count - i);
}

static const minke_convert_kernels neon = {f16_neon, bf16_portable};

const minke_convert_kernels *minke_convert(minke_level level) { return level == MINKE_NEON ? &neon : &portable; }

#else

const minke_convert_kernels *minke_convert(minke_level level) { return &portable; }

#endif
