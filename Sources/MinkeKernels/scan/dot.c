// Dot products of floats, over blocks and over rows.
#include "scan_levels.h"

void minke_scan_dot_portable(const float *blocks, size_t block_count, size_t rows, const float *tile,
                             size_t query_count, float *scores, size_t stride) {
  for (size_t b = 0; b < block_count; b++, blocks += 16 * rows) {
    for (size_t q = 0; q < query_count; q++) {
      float sum[16] = {0};
      for (size_t r = 0; r < rows; r++) {
        const float factor = tile[r * query_count + q];
        for (size_t lane = 0; lane < 16; lane++) sum[lane] += blocks[16 * r + lane] * factor;
      }
      for (size_t lane = 0; lane < 16; lane++) scores[q * stride + 16 * b + lane] = sum[lane];
    }
  }
}

float minke_scan_row_dot_portable(const float *a, const float *b, size_t count) {
  float sums[16] = {0}, rest = 0;
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (size_t lane = 0; lane < 16; lane++) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < count; i++) rest += a[i] * b[i];
  for (size_t lane = 0; lane < 16; lane++) rest += sums[lane];
  return rest;
}

#if MINKE_X86

// The sums of `nq` queries with `nb` blocks stay in registers while one pass goes over the rows.
MINKE_TARGET_AVX512 MINKE_INLINE void tile_avx512(const float *block, size_t rows, const float *tile, const int nq,
                                                  const int nb, size_t apart, float *scores, size_t stride) {
  __m512 sum[16];
#pragma clang loop unroll(full)
  for (int i = 0; i < nq * nb; i++) sum[i] = _mm512_setzero_ps();
  for (size_t r = 0; r < rows; r++, block += 16, tile += nq) {
#pragma clang loop unroll(full)
    for (int n = 0; n < nb; n++) {
      const float *row = block + n * apart * rows * 16;
      _mm_prefetch((const char *)(row + 16 * 64), _MM_HINT_T0);
      const __m512 vectors = _mm512_load_ps(row);
#pragma clang loop unroll(full)
      for (int q = 0; q < nq; q++) sum[n * nq + q] = _mm512_fmadd_ps(vectors, _mm512_set1_ps(tile[q]), sum[n * nq + q]);
    }
  }
#pragma clang loop unroll(full)
  for (int n = 0; n < nb; n++) {
#pragma clang loop unroll(full)
    for (int q = 0; q < nq; q++) _mm512_storeu_ps(scores + q * stride + 16 * n * apart, sum[n * nq + q]);
  }
}

// Blocks are scanned `nb` at once, each the next of a stream that goes through its own part of memory from end to end;
// those left over one by one.
MINKE_TARGET_AVX512 MINKE_INLINE void scan_avx512(const float *blocks, size_t block_count, size_t rows,
                                                  const float *tile, const int nq, const int nb, float *scores,
                                                  size_t stride) {
  const size_t apart = block_count / (size_t)nb;
  for (size_t b = 0; b < apart; b++)
    tile_avx512(blocks + 16 * rows * b, rows, tile, nq, nb, apart, scores + 16 * b, stride);
  for (size_t b = apart * (size_t)nb; b < block_count; b++)
    tile_avx512(blocks + 16 * rows * b, rows, tile, nq, 1, 1, scores + 16 * b, stride);
}

MINKE_TARGET_AVX512 void minke_scan_dot_avx512(const float *blocks, size_t block_count, size_t rows, const float *tile,
                                               size_t query_count, float *scores, size_t stride) {
  switch (query_count) {
    case 1: scan_avx512(blocks, block_count, rows, tile, 1, 4, scores, stride); break;
    case 2: scan_avx512(blocks, block_count, rows, tile, 2, 4, scores, stride); break;
    case 4: scan_avx512(blocks, block_count, rows, tile, 4, 4, scores, stride); break;
    case 8: scan_avx512(blocks, block_count, rows, tile, 8, 2, scores, stride); break;
    default: scan_avx512(blocks, block_count, rows, tile, 16, 1, scores, stride);
  }
}

MINKE_TARGET_AVX512 float minke_scan_row_dot_avx512(const float *a, const float *b, size_t count) {
  __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0;
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    sum0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), sum0);
    sum1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16), sum1);
  }
  for (; i < count; i += 16) {
    const __mmask16 mask = count - i >= 16 ? 0xffff : (__mmask16)((1u << (count - i)) - 1);
    sum0 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i), sum0);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(sum0, sum1));
}

MINKE_TARGET_AVX2 MINKE_INLINE void tile_avx2(const float *block, size_t rows, const float *tile, const int nq,
                                              const int nb, size_t stride_rows, float *scores, size_t stride) {
  __m256 sum[12];
#pragma clang loop unroll(full)
  for (int i = 0; i < nq * nb; i++) sum[i] = _mm256_setzero_ps();
  for (size_t r = 0; r < rows; r++, block += 16, tile += stride_rows) {
    __m256 vectors[4];
#pragma clang loop unroll(full)
    for (int n = 0; n < nb; n++) {
      const float *row = block + (n / 2) * rows * 16 + 8 * (n % 2);
      if (n % 2 == 0) _mm_prefetch((const char *)(row + 16 * 64), _MM_HINT_T0);
      vectors[n] = _mm256_load_ps(row);
    }
#pragma clang loop unroll(full)
    for (int q = 0; q < nq; q++) {
      const __m256 factor = _mm256_set1_ps(tile[q]);
#pragma clang loop unroll(full)
      for (int n = 0; n < nb; n++) sum[n * nq + q] = _mm256_fmadd_ps(vectors[n], factor, sum[n * nq + q]);
    }
  }
#pragma clang loop unroll(full)
  for (int n = 0; n < nb; n++) {
#pragma clang loop unroll(full)
    for (int q = 0; q < nq; q++) _mm256_storeu_ps(scores + q * stride + 8 * n, sum[n * nq + q]);
  }
}

MINKE_TARGET_AVX2 void minke_scan_dot_avx2(const float *blocks, size_t block_count, size_t rows, const float *tile,
                                           size_t query_count, float *scores, size_t stride) {
  // 16 registers hold 4 queries with one block (8 sums); wider tiles take several passes over the block, in cache.
  for (size_t b = 0; b < block_count; b++, blocks += 16 * rows, scores += 16) {
    switch (query_count) {
      case 1:
        if (b + 2 <= block_count) {
          tile_avx2(blocks, rows, tile, 1, 4, 1, scores, stride);
          b++, blocks += 16 * rows, scores += 16;
        } else {
          tile_avx2(blocks, rows, tile, 1, 2, 1, scores, stride);
        }
        break;
      case 2: tile_avx2(blocks, rows, tile, 2, 2, 2, scores, stride); break;
      default:
        for (size_t q = 0; q < query_count; q += 4)
          tile_avx2(blocks, rows, tile + q, 4, 2, query_count, scores + q * stride, stride);
    }
  }
}

MINKE_TARGET_AVX2 float minke_scan_row_dot_avx2(const float *a, const float *b, size_t count) {
  __m256 sum0 = _mm256_setzero_ps(), sum1 = sum0;
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    sum0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sum0);
    sum1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), sum1);
  }
  float lanes[8], rest = 0;
  _mm256_storeu_ps(lanes, _mm256_add_ps(sum0, sum1));
  for (; i < count; i++) rest += a[i] * b[i];
  for (size_t lane = 0; lane < 8; lane++) rest += lanes[lane];
  return rest;
}

#elif MINKE_ARM64

MINKE_INLINE void tile_neon(const float *block, size_t rows, const float *tile, const int nq, size_t query_count,
                            float *scores, size_t stride) {
  float32x4_t sum[16];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4 * nq; i++) sum[i] = vdupq_n_f32(0);
  for (size_t r = 0; r < rows; r++, block += 16, tile += query_count) {
#pragma clang loop unroll(full)
    for (int n = 0; n < 4; n++) {
      const float32x4_t vectors = vld1q_f32(block + 4 * n);
#pragma clang loop unroll(full)
      for (int q = 0; q < nq; q++) sum[n * nq + q] = vfmaq_n_f32(sum[n * nq + q], vectors, tile[q]);
    }
  }
#pragma clang loop unroll(full)
  for (int n = 0; n < 4; n++) {
#pragma clang loop unroll(full)
    for (int q = 0; q < nq; q++) vst1q_f32(scores + q * stride + 4 * n, sum[n * nq + q]);
  }
}

void minke_scan_dot_neon(const float *blocks, size_t block_count, size_t rows, const float *tile, size_t query_count,
                         float *scores, size_t stride) {
  for (size_t b = 0; b < block_count; b++, blocks += 16 * rows, scores += 16) {
    switch (query_count) {
      case 1: tile_neon(blocks, rows, tile, 1, 1, scores, stride); break;
      case 2: tile_neon(blocks, rows, tile, 2, 2, scores, stride); break;
      default:
        for (size_t q = 0; q < query_count; q += 4)
          tile_neon(blocks, rows, tile + q, 4, query_count, scores + q * stride, stride);
    }
  }
}

float minke_scan_row_dot_neon(const float *a, const float *b, size_t count) {
  float32x4_t sum0 = vdupq_n_f32(0), sum1 = sum0;
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    sum0 = vfmaq_f32(sum0, vld1q_f32(a + i), vld1q_f32(b + i));
    sum1 = vfmaq_f32(sum1, vld1q_f32(a + i + 4), vld1q_f32(b + i + 4));
  }
  float rest = vaddvq_f32(vaddq_f32(sum0, sum1));
  for (; i < count; i++) rest += a[i] * b[i];
  return rest;
}

#endif
