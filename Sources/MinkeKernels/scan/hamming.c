// Numbers of differing bits, over blocks.
#include "scan_levels.h"

void minke_scan_hamming_portable(const uint32_t *blocks, size_t block_count, size_t rows, const uint32_t *tile,
                                 size_t query_count, float *scores, size_t stride) {
  for (size_t b = 0; b < block_count; b++, blocks += 16 * rows) {
    for (size_t q = 0; q < query_count; q++) {
      uint32_t sum[16] = {0};
      for (size_t r = 0; r < rows; r++) {
        const uint32_t word = tile[r * query_count + q];
        for (size_t lane = 0; lane < 16; lane++) {
          uint32_t x = blocks[16 * r + lane] ^ word;
          x -= (x >> 1) & 0x55555555;
          x = (x & 0x33333333) + ((x >> 2) & 0x33333333);
          x = (x + (x >> 4)) & 0x0f0f0f0f;
          sum[lane] += (x * 0x01010101) >> 24;
        }
      }
      for (size_t lane = 0; lane < 16; lane++) scores[q * stride + 16 * b + lane] = (float)-(int32_t)sum[lane];
    }
  }
}

#if MINKE_X86

MINKE_TARGET_AVX512 MINKE_INLINE void tile_avx512(const uint32_t *block, size_t rows, const uint32_t *tile,
                                                  const int nq, const int nb, size_t apart, float *scores,
                                                  size_t stride) {
  __m512i sum[16];
#pragma clang loop unroll(full)
  for (int i = 0; i < nq * nb; i++) sum[i] = _mm512_setzero_si512();
  for (size_t r = 0; r < rows; r++, block += 16, tile += nq) {
#pragma clang loop unroll(full)
    for (int n = 0; n < nb; n++) {
      const uint32_t *row = block + n * apart * rows * 16;
      _mm_prefetch((const char *)(row + 16 * 64), _MM_HINT_T0);
      const __m512i vectors = _mm512_load_si512(row);
#pragma clang loop unroll(full)
      for (int q = 0; q < nq; q++) {
        const __m512i differing = _mm512_xor_si512(vectors, _mm512_set1_epi32((int)tile[q]));
        sum[n * nq + q] = _mm512_add_epi32(sum[n * nq + q], _mm512_popcnt_epi32(differing));
      }
    }
  }
#pragma clang loop unroll(full)
  for (int n = 0; n < nb; n++) {
#pragma clang loop unroll(full)
    for (int q = 0; q < nq; q++) {
      const __m512i negated = _mm512_sub_epi32(_mm512_setzero_si512(), sum[n * nq + q]);
      _mm512_storeu_ps(scores + q * stride + 16 * n * apart, _mm512_cvtepi32_ps(negated));
    }
  }
}

// Blocks are scanned `nb` at once, each the next of a stream that goes through its own part of memory from end to end;
// those left over one by one.
MINKE_TARGET_AVX512 MINKE_INLINE void scan_avx512(const uint32_t *blocks, size_t block_count, size_t rows,
                                                  const uint32_t *tile, const int nq, const int nb, float *scores,
                                                  size_t stride) {
  const size_t apart = block_count / (size_t)nb;
  for (size_t b = 0; b < apart; b++)
    tile_avx512(blocks + 16 * rows * b, rows, tile, nq, nb, apart, scores + 16 * b, stride);
  for (size_t b = apart * (size_t)nb; b < block_count; b++)
    tile_avx512(blocks + 16 * rows * b, rows, tile, nq, 1, 1, scores + 16 * b, stride);
}

MINKE_TARGET_AVX512 void minke_scan_hamming_avx512(const uint32_t *blocks, size_t block_count, size_t rows,
                                                   const uint32_t *tile, size_t query_count, float *scores,
                                                   size_t stride) {
  switch (query_count) {
    case 1: scan_avx512(blocks, block_count, rows, tile, 1, 4, scores, stride); break;
    case 2: scan_avx512(blocks, block_count, rows, tile, 2, 4, scores, stride); break;
    case 4: scan_avx512(blocks, block_count, rows, tile, 4, 4, scores, stride); break;
    case 8: scan_avx512(blocks, block_count, rows, tile, 8, 2, scores, stride); break;
    default: scan_avx512(blocks, block_count, rows, tile, 16, 1, scores, stride);
  }
}

// Counts by nibble and sums bytes, which hold 31 rows of up to 8 before they must be widened.
MINKE_TARGET_AVX2 MINKE_INLINE void tile_avx2(const uint32_t *half_block, size_t rows, const uint32_t *tile,
                                              const int nq, size_t query_count, float *scores, size_t stride) {
  const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                          0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(15), ones8 = _mm256_set1_epi8(1), ones16 = _mm256_set1_epi16(1);
  __m256i sum[4], bytes[4];
#pragma clang loop unroll(full)
  for (int q = 0; q < nq; q++) sum[q] = _mm256_setzero_si256();
  for (size_t r = 0; r < rows;) {
    const size_t end = rows - r < 31 ? rows : r + 31;
#pragma clang loop unroll(full)
    for (int q = 0; q < nq; q++) bytes[q] = _mm256_setzero_si256();
    for (; r < end; r++) {
      const __m256i vectors = _mm256_load_si256((const __m256i *)(half_block + 16 * r));
#pragma clang loop unroll(full)
      for (int q = 0; q < nq; q++) {
        const __m256i x = _mm256_xor_si256(vectors, _mm256_set1_epi32((int)tile[r * query_count + q]));
        const __m256i first = _mm256_shuffle_epi8(counts, _mm256_and_si256(x, low));
        const __m256i second = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi32(x, 4), low));
        bytes[q] = _mm256_add_epi8(bytes[q], _mm256_add_epi8(first, second));
      }
    }
#pragma clang loop unroll(full)
    for (int q = 0; q < nq; q++)
      sum[q] = _mm256_add_epi32(sum[q], _mm256_madd_epi16(_mm256_maddubs_epi16(bytes[q], ones8), ones16));
  }
#pragma clang loop unroll(full)
  for (int q = 0; q < nq; q++) {
    const __m256i negated = _mm256_sub_epi32(_mm256_setzero_si256(), sum[q]);
    _mm256_storeu_ps(scores + q * stride, _mm256_cvtepi32_ps(negated));
  }
}

MINKE_TARGET_AVX2 void minke_scan_hamming_avx2(const uint32_t *blocks, size_t block_count, size_t rows,
                                               const uint32_t *tile, size_t query_count, float *scores, size_t stride) {
  for (size_t b = 0; b < block_count; b++, blocks += 16 * rows, scores += 16) {
    for (size_t half = 0; half < 16; half += 8) {
      switch (query_count) {
        case 1: tile_avx2(blocks + half, rows, tile, 1, 1, scores + half, stride); break;
        case 2: tile_avx2(blocks + half, rows, tile, 2, 2, scores + half, stride); break;
        default:
          for (size_t q = 0; q < query_count; q += 4)
            tile_avx2(blocks + half, rows, tile + q, 4, query_count, scores + half + q * stride, stride);
      }
    }
  }
}

#elif MINKE_ARM64

MINKE_INLINE void tile_neon(const uint32_t *block, size_t rows, const uint32_t *tile, const int nq, size_t query_count,
                            float *scores, size_t stride) {
  uint32x4_t sum[8];
  uint8x16_t bytes[8];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4 * nq; i++) sum[i] = vdupq_n_u32(0);
  for (size_t r = 0; r < rows;) {
    const size_t end = rows - r < 31 ? rows : r + 31;  // 31 rows of up to 8 fit a byte
#pragma clang loop unroll(full)
    for (int i = 0; i < 4 * nq; i++) bytes[i] = vdupq_n_u8(0);
    for (; r < end; r++) {
#pragma clang loop unroll(full)
      for (int n = 0; n < 4; n++) {
        const uint32x4_t vectors = vld1q_u32(block + 16 * r + 4 * n);
#pragma clang loop unroll(full)
        for (int q = 0; q < nq; q++) {
          const uint32x4_t x = veorq_u32(vectors, vdupq_n_u32(tile[r * query_count + q]));
          bytes[n * nq + q] = vaddq_u8(bytes[n * nq + q], vcntq_u8(vreinterpretq_u8_u32(x)));
        }
      }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 4 * nq; i++) sum[i] = vpadalq_u16(sum[i], vpaddlq_u8(bytes[i]));
  }
#pragma clang loop unroll(full)
  for (int n = 0; n < 4; n++) {
#pragma clang loop unroll(full)
    for (int q = 0; q < nq; q++)
      vst1q_f32(scores + q * stride + 4 * n, vcvtq_f32_s32(vnegq_s32(vreinterpretq_s32_u32(sum[n * nq + q]))));
  }
}

void minke_scan_hamming_neon(const uint32_t *blocks, size_t block_count, size_t rows, const uint32_t *tile,
                             size_t query_count, float *scores, size_t stride) {
  for (size_t b = 0; b < block_count; b++, blocks += 16 * rows, scores += 16) {
    if (query_count == 1) {
      tile_neon(blocks, rows, tile, 1, 1, scores, stride);
    } else {
      for (size_t q = 0; q < query_count; q += 2)
        tile_neon(blocks, rows, tile + q, 2, query_count, scores + q * stride, stride);
    }
  }
}

#endif
