// Dot products of int8 numbers, over blocks and over rows. All levels give the same bits.
#include "scan_levels.h"

void minke_scan_dot_int8_portable(const uint8_t *blocks, const float *scales, size_t block_count, size_t rows,
                                  minke_int8_tile tile, size_t query_count, float *scores, size_t stride) {
  const int8_t *queries = (const int8_t *)tile.words;
  for (size_t b = 0; b < block_count; b++, blocks += 64 * rows) {
    for (size_t q = 0; q < query_count; q++) {
      int32_t sum[16] = {0};
      for (size_t r = 0; r < rows; r++) {
        const int8_t *query = queries + 4 * (r * query_count + q);
        const uint8_t *row = blocks + 64 * r;
        for (size_t lane = 0; lane < 16; lane++) {
          sum[lane] += row[4 * lane] * query[0] + row[4 * lane + 1] * query[1] + row[4 * lane + 2] * query[2] +
                       row[4 * lane + 3] * query[3];
        }
      }
      for (size_t lane = 0; lane < 16; lane++) {
        scores[q * stride + 16 * b + lane] =
            (float)(sum[lane] - tile.offsets[q]) * scales[16 * b + lane] * tile.scales[q];
      }
    }
  }
}

int32_t minke_scan_row_dot_int8_portable(const int8_t *a, const int8_t *b, size_t count) {
  int32_t sum = 0;
  for (size_t i = 0; i < count; i++) sum += a[i] * b[i];
  return sum;
}

// The same tile from query `q` on.
MINKE_INLINE minke_int8_tile from(minke_int8_tile tile, size_t q) {
  return (minke_int8_tile){tile.words + q, tile.scales + q, tile.offsets + q};
}

#if MINKE_X86

MINKE_TARGET_AVX512 MINKE_INLINE void tile_avx512(const uint8_t *block, const float *scales, size_t rows,
                                                  minke_int8_tile tile, const int nq, const int nb, size_t apart,
                                                  float *scores, size_t stride) {
  __m512i sum[16];
#pragma clang loop unroll(full)
  for (int i = 0; i < nq * nb; i++) sum[i] = _mm512_setzero_si512();
  for (size_t r = 0; r < rows; r++, block += 64, tile.words += nq) {
#pragma clang loop unroll(full)
    for (int n = 0; n < nb; n++) {
      const uint8_t *row = block + n * apart * rows * 64;
      _mm_prefetch((const char *)(row + 64 * 64), _MM_HINT_T0);
      const __m512i vectors = _mm512_load_si512(row);
#pragma clang loop unroll(full)
      for (int q = 0; q < nq; q++)
        sum[n * nq + q] = _mm512_dpbusd_epi32(sum[n * nq + q], vectors, _mm512_set1_epi32((int)tile.words[q]));
    }
  }
#pragma clang loop unroll(full)
  for (int n = 0; n < nb; n++) {
    const __m512 scale = _mm512_loadu_ps(scales + 16 * n * apart);
#pragma clang loop unroll(full)
    for (int q = 0; q < nq; q++) {
      const __m512i exact = _mm512_sub_epi32(sum[n * nq + q], _mm512_set1_epi32(tile.offsets[q]));
      const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(exact), scale);
      _mm512_storeu_ps(scores + q * stride + 16 * n * apart, _mm512_mul_ps(scaled, _mm512_set1_ps(tile.scales[q])));
    }
  }
}

// Blocks are scanned `nb` at once, each the next of a stream that goes through its own part of memory from end to end;
// those left over one by one.
MINKE_TARGET_AVX512 MINKE_INLINE void scan_avx512(const uint8_t *blocks, const float *scales, size_t block_count,
                                                  size_t rows, minke_int8_tile tile, const int nq, const int nb,
                                                  float *scores, size_t stride) {
  const size_t apart = block_count / (size_t)nb;
  for (size_t b = 0; b < apart; b++)
    tile_avx512(blocks + 64 * rows * b, scales + 16 * b, rows, tile, nq, nb, apart, scores + 16 * b, stride);
  for (size_t b = apart * (size_t)nb; b < block_count; b++)
    tile_avx512(blocks + 64 * rows * b, scales + 16 * b, rows, tile, nq, 1, 1, scores + 16 * b, stride);
}

MINKE_TARGET_AVX512 void minke_scan_dot_int8_avx512(const uint8_t *blocks, const float *scales, size_t block_count,
                                                    size_t rows, minke_int8_tile tile, size_t query_count,
                                                    float *scores, size_t stride) {
  switch (query_count) {
    case 1: scan_avx512(blocks, scales, block_count, rows, tile, 1, 4, scores, stride); break;
    case 2: scan_avx512(blocks, scales, block_count, rows, tile, 2, 4, scores, stride); break;
    case 4: scan_avx512(blocks, scales, block_count, rows, tile, 4, 4, scores, stride); break;
    case 8: scan_avx512(blocks, scales, block_count, rows, tile, 8, 2, scores, stride); break;
    default: scan_avx512(blocks, scales, block_count, rows, tile, 16, 1, scores, stride);
  }
}

MINKE_TARGET_AVX512 int32_t minke_scan_row_dot_int8_avx512(const int8_t *a, const int8_t *b, size_t count) {
  __m512i sum = _mm512_setzero_si512();
  for (size_t i = 0; i < count; i += 32) {
    const __mmask32 mask = count - i >= 32 ? 0xffffffff : (1u << (count - i)) - 1;
    const __m512i x = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, a + i));
    const __m512i y = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, b + i));
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(x, y));
  }
  return _mm512_reduce_add_epi32(sum);
}

// The even and the odd numbers of a word as 16-bit numbers: maddubs, which takes bytes, would saturate.
MINKE_TARGET_AVX2 MINKE_INLINE __m256i even_avx2(uint32_t word) {
  return _mm256_srai_epi16(_mm256_slli_epi16(_mm256_set1_epi32((int)word), 8), 8);
}

MINKE_TARGET_AVX2 MINKE_INLINE __m256i odd_avx2(uint32_t word) {
  return _mm256_srai_epi16(_mm256_set1_epi32((int)word), 8);
}

// Words of queries, 2 for each, that are widened once for all blocks: those of 16 queries with 1024 numbers.
enum { WIDE_WORDS = 8192 };

// `wide` holds the widened words from the same query on; null to widen them here.
MINKE_TARGET_AVX2 MINKE_INLINE void tile_avx2(const uint8_t *block, const float *scales, size_t rows,
                                              minke_int8_tile tile, const uint32_t *wide, const int nq,
                                              size_t query_count, float *scores, size_t stride) {
  const __m256i low = _mm256_set1_epi16(0xff);
  __m256i sum[8];
#pragma clang loop unroll(full)
  for (int i = 0; i < 2 * nq; i++) sum[i] = _mm256_setzero_si256();
  for (size_t r = 0; r < rows; r++, block += 64, tile.words += query_count) {
    const __m256i first = _mm256_load_si256((const __m256i *)block);
    const __m256i second = _mm256_load_si256((const __m256i *)(block + 32));
    const __m256i first_even = _mm256_and_si256(first, low), first_odd = _mm256_srli_epi16(first, 8);
    const __m256i second_even = _mm256_and_si256(second, low), second_odd = _mm256_srli_epi16(second, 8);
#pragma clang loop unroll(full)
    for (int q = 0; q < nq; q++) {
      const __m256i even = wide ? _mm256_set1_epi32((int)wide[2 * q]) : even_avx2(tile.words[q]);
      const __m256i odd = wide ? _mm256_set1_epi32((int)wide[2 * q + 1]) : odd_avx2(tile.words[q]);
      sum[2 * q] = _mm256_add_epi32(
          sum[2 * q], _mm256_add_epi32(_mm256_madd_epi16(first_even, even), _mm256_madd_epi16(first_odd, odd)));
      sum[2 * q + 1] = _mm256_add_epi32(
          sum[2 * q + 1], _mm256_add_epi32(_mm256_madd_epi16(second_even, even), _mm256_madd_epi16(second_odd, odd)));
    }
    if (wide) wide += 2 * query_count;
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 2 * nq; i++) {
    const int q = i / 2, half = i % 2 * 8;
    const __m256i exact = _mm256_sub_epi32(sum[i], _mm256_set1_epi32(tile.offsets[q]));
    const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(exact), _mm256_loadu_ps(scales + half));
    _mm256_storeu_ps(scores + q * stride + half, _mm256_mul_ps(scaled, _mm256_set1_ps(tile.scales[q])));
  }
}

MINKE_TARGET_AVX2 void minke_scan_dot_int8_avx2(const uint8_t *blocks, const float *scales, size_t block_count,
                                                size_t rows, minke_int8_tile tile, size_t query_count, float *scores,
                                                size_t stride) {
  uint32_t words[WIDE_WORDS];
  const uint32_t *wide = 0;
  if (2 * rows * query_count <= WIDE_WORDS) {
    for (size_t i = 0; i < rows * query_count; i++) {
      words[2 * i] = (uint32_t)_mm256_cvtsi256_si32(even_avx2(tile.words[i]));
      words[2 * i + 1] = (uint32_t)_mm256_cvtsi256_si32(odd_avx2(tile.words[i]));
    }
    wide = words;
  }
  for (size_t b = 0; b < block_count; b++, blocks += 64 * rows, scales += 16, scores += 16) {
    switch (query_count) {
      case 1: tile_avx2(blocks, scales, rows, tile, wide, 1, 1, scores, stride); break;
      case 2: tile_avx2(blocks, scales, rows, tile, wide, 2, 2, scores, stride); break;
      default:
        for (size_t q = 0; q < query_count; q += 4)
          tile_avx2(blocks, scales, rows, from(tile, q), wide ? wide + 2 * q : 0, 4, query_count, scores + q * stride,
                    stride);
    }
  }
}

MINKE_TARGET_AVX2 int32_t minke_scan_row_dot_int8_avx2(const int8_t *a, const int8_t *b, size_t count) {
  __m256i sum = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(a + i)));
    const __m256i y = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(b + i)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(x, y));
  }
  int32_t lanes[8], rest = 0;
  _mm256_storeu_si256((__m256i *)lanes, sum);
  for (size_t lane = 0; lane < 8; lane++) rest += lanes[lane];
  for (; i < count; i++) rest += a[i] * b[i];
  return rest;
}

#elif MINKE_ARM64

MINKE_INLINE void store_neon(int32x4_t sum, const float *scales, float query_scale, float *scores) {
  vst1q_f32(scores, vmulq_n_f32(vmulq_f32(vcvtq_f32_s32(sum), vld1q_f32(scales)), query_scale));
}

// Without the dot product instruction: products of 16 bits, summed in pairs, then the pairs of a lane are added.
MINKE_INLINE void tile_neon(const uint8_t *block, const float *scales, size_t rows, minke_int8_tile tile, const int nq,
                            size_t query_count, float *scores, size_t stride) {
  int32x4_t sum[8];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4 * nq; i++) sum[i] = vdupq_n_s32(0);
  for (size_t r = 0; r < rows; r++, block += 64, tile.words += query_count) {
#pragma clang loop unroll(full)
    for (int n = 0; n < 4; n++) {
      const uint8x16_t biased = vld1q_u8(block + 16 * n);
      const int8x16_t vectors = vreinterpretq_s8_u8(veorq_u8(biased, vdupq_n_u8(0x80)));
#pragma clang loop unroll(full)
      for (int q = 0; q < nq; q++) {
        const int8x16_t query = vreinterpretq_s8_u32(vdupq_n_u32(tile.words[q]));
        const int32x4_t first = vpaddlq_s16(vmull_s8(vget_low_s8(vectors), vget_low_s8(query)));
        const int32x4_t second = vpaddlq_s16(vmull_s8(vget_high_s8(vectors), vget_high_s8(query)));
        sum[n * nq + q] = vaddq_s32(sum[n * nq + q], vpaddq_s32(first, second));
      }
    }
  }
#pragma clang loop unroll(full)
  for (int n = 0; n < 4; n++) {
#pragma clang loop unroll(full)
    for (int q = 0; q < nq; q++)
      store_neon(sum[n * nq + q], scales + 4 * n, tile.scales[q], scores + q * stride + 4 * n);
  }
}

MINKE_TARGET_DOTPROD MINKE_INLINE void tile_dotprod(const uint8_t *block, const float *scales, size_t rows,
                                                    minke_int8_tile tile, const int nq, size_t query_count,
                                                    float *scores, size_t stride) {
  int32x4_t sum[16];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4 * nq; i++) sum[i] = vdupq_n_s32(0);
  for (size_t r = 0; r < rows; r++, block += 64, tile.words += query_count) {
#pragma clang loop unroll(full)
    for (int n = 0; n < 4; n++) {
      const uint8x16_t biased = vld1q_u8(block + 16 * n);
      const int8x16_t vectors = vreinterpretq_s8_u8(veorq_u8(biased, vdupq_n_u8(0x80)));
#pragma clang loop unroll(full)
      for (int q = 0; q < nq; q++)
        sum[n * nq + q] = vdotq_s32(sum[n * nq + q], vectors, vreinterpretq_s8_u32(vdupq_n_u32(tile.words[q])));
    }
  }
#pragma clang loop unroll(full)
  for (int n = 0; n < 4; n++) {
#pragma clang loop unroll(full)
    for (int q = 0; q < nq; q++)
      store_neon(sum[n * nq + q], scales + 4 * n, tile.scales[q], scores + q * stride + 4 * n);
  }
}

// The 128 is taken off the vectors, so there is nothing to subtract from the sums.
#define TILES(tile_function, widest)                                                                                   \
  for (size_t b = 0; b < block_count; b++, blocks += 64 * rows, scales += 16, scores += 16) {                          \
    if (query_count == 1) {                                                                                            \
      tile_function(blocks, scales, rows, tile, 1, 1, scores, stride);                                                 \
    } else if (query_count == 2) {                                                                                     \
      tile_function(blocks, scales, rows, tile, 2, 2, scores, stride);                                                 \
    } else {                                                                                                           \
      for (size_t q = 0; q < query_count; q += widest)                                                                 \
        tile_function(blocks, scales, rows, from(tile, q), widest, query_count, scores + q * stride, stride);          \
    }                                                                                                                  \
  }

void minke_scan_dot_int8_neon(const uint8_t *blocks, const float *scales, size_t block_count, size_t rows,
                              minke_int8_tile tile, size_t query_count, float *scores,
                              size_t stride){TILES(tile_neon, 2)}

MINKE_TARGET_DOTPROD void minke_scan_dot_int8_dotprod(const uint8_t *blocks, const float *scales, size_t block_count,
                                                      size_t rows, minke_int8_tile tile, size_t query_count,
                                                      float *scores, size_t stride){TILES(tile_dotprod, 4)}

int32_t minke_scan_row_dot_int8_neon(const int8_t *a, const int8_t *b, size_t count) {
  int32x4_t sum = vdupq_n_s32(0);
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const int8x16_t x = vld1q_s8(a + i), y = vld1q_s8(b + i);
    sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(x), vget_low_s8(y)));
    sum = vpadalq_s16(sum, vmull_s8(vget_high_s8(x), vget_high_s8(y)));
  }
  int32_t rest = vaddvq_s32(sum);
  for (; i < count; i++) rest += a[i] * b[i];
  return rest;
}

#endif
