// Picks the few scores that may belong to the best, and reads memory plainly, the yardstick of every scan.
#include "scan_levels.h"

size_t minke_scan_select_portable(const float *scores, size_t count, float threshold, uint32_t *hits) {
  size_t found = 0;
  for (size_t i = 0; i < count; i += 16) {
    int any = 0;
    for (size_t lane = 0; lane < 16; lane++) any |= !(scores[i + lane] < threshold);
    if (!any) continue;
    for (size_t lane = 0; lane < 16; lane++) {
      if (!(scores[i + lane] < threshold)) hits[found++] = (uint32_t)(i + lane);
    }
  }
  return found;
}

uint64_t minke_scan_read_portable(const void *memory, size_t bytes) {
  const uint64_t *words = memory;
  uint64_t mixed[64] = {0}, result = 0;
  for (size_t i = 0; i < bytes / 8; i += 64) {
    for (size_t lane = 0; lane < 64; lane++) mixed[lane] ^= words[i + lane];
  }
  for (size_t lane = 0; lane < 64; lane++) result ^= mixed[lane];
  return result;
}

#if MINKE_X86

MINKE_TARGET_AVX512 size_t minke_scan_select_avx512(const float *scores, size_t count, float threshold,
                                                    uint32_t *hits) {
  const __m512 limit = _mm512_set1_ps(threshold);
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  size_t found = 0;
  for (size_t i = 0; i < count; i += 16) {
    const __mmask16 mask = _mm512_cmp_ps_mask(_mm512_loadu_ps(scores + i), limit, _CMP_NLT_UQ);
    if (!mask) continue;
    // Compressed in a register and stored whole or in part: a compressing store is slow on some processors.
    const __m512i positions = _mm512_maskz_compress_epi32(mask, _mm512_add_epi32(lanes, _mm512_set1_epi32((int)i)));
    const unsigned kept = (unsigned)__builtin_popcount(mask);
    _mm512_mask_storeu_epi32(hits + found, (__mmask16)((1u << kept) - 1), positions);
    found += kept;
  }
  return found;
}

// Four streams at once, as the scans of few queries have: a single one does not keep enough reads under way.
MINKE_TARGET_AVX512 uint64_t minke_scan_read_avx512(const void *memory, size_t bytes) {
  const __m512i *lines = memory;
  const size_t quarter = bytes / 256;
  __m512i mixed[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  for (size_t i = 0; i < quarter; i++) {
#pragma clang loop unroll(full)
    for (size_t stream = 0; stream < 4; stream++) {
      const __m512i *line = lines + stream * quarter + i;
      _mm_prefetch((const char *)(line + 64), _MM_HINT_T0);
      mixed[stream] = _mm512_xor_si512(mixed[stream], _mm512_loadu_si512(line));
    }
  }
  uint64_t words[8];
  _mm512_storeu_si512(words,
                      _mm512_xor_si512(_mm512_xor_si512(mixed[0], mixed[1]), _mm512_xor_si512(mixed[2], mixed[3])));
  return words[0] ^ words[1] ^ words[2] ^ words[3] ^ words[4] ^ words[5] ^ words[6] ^ words[7];
}

MINKE_TARGET_AVX2 size_t minke_scan_select_avx2(const float *scores, size_t count, float threshold, uint32_t *hits) {
  const __m256 limit = _mm256_set1_ps(threshold);
  size_t found = 0;
  for (size_t i = 0; i < count; i += 8) {
    unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(scores + i), limit, _CMP_NLT_UQ));
    for (; mask; mask &= mask - 1) hits[found++] = (uint32_t)i + (uint32_t)__builtin_ctz(mask);
  }
  return found;
}

MINKE_TARGET_AVX2 uint64_t minke_scan_read_avx2(const void *memory, size_t bytes) {
  const __m256i *halves = memory;
  __m256i mixed[8];
  for (int i = 0; i < 8; i++) mixed[i] = _mm256_setzero_si256();
  for (size_t i = 0; i < bytes / 32; i += 8) {
#pragma clang loop unroll(full)
    for (int lane = 0; lane < 8; lane++)
      mixed[lane] = _mm256_xor_si256(mixed[lane], _mm256_loadu_si256(halves + i + lane));
  }
  uint64_t words[4], result = 0;
  for (int i = 0; i < 8; i++) {
    _mm256_storeu_si256((__m256i *)words, mixed[i]);
    result ^= words[0] ^ words[1] ^ words[2] ^ words[3];
  }
  return result;
}

#elif MINKE_ARM64

size_t minke_scan_select_neon(const float *scores, size_t count, float threshold, uint32_t *hits) {
  const float32x4_t limit = vdupq_n_f32(threshold);
  size_t found = 0;
  for (size_t i = 0; i < count; i += 16) {
    const uint32x4_t below =
        vandq_u32(vandq_u32(vcltq_f32(vld1q_f32(scores + i), limit), vcltq_f32(vld1q_f32(scores + i + 4), limit)),
                  vandq_u32(vcltq_f32(vld1q_f32(scores + i + 8), limit), vcltq_f32(vld1q_f32(scores + i + 12), limit)));
    if (vminvq_u32(below)) continue;
    for (size_t lane = 0; lane < 16; lane++) {
      if (!(scores[i + lane] < threshold)) hits[found++] = (uint32_t)(i + lane);
    }
  }
  return found;
}

// The portable loop already fills the registers.
uint64_t minke_scan_read_neon(const void *memory, size_t bytes) { return minke_scan_read_portable(memory, bytes); }

#endif
