#include "pooling.h"

#include <math.h>
#include <string.h>

#include "tanh.h"

#if MINKE_X86
#include <immintrin.h>
#elif MINKE_ARM64
#include <arm_neon.h>
#endif

// Rows are added in groups, and the sums of groups to each other: the rows of a group lie scattered over a table larger
// than the caches and are all asked for before the first is added, and the rounding of long texts grows less.
enum { GROUP = 32 };

static inline void fetch(const void *row, size_t bytes) {
  for (size_t offset = 0; offset < bytes; offset += 64) __builtin_prefetch((const char *)row + offset);
}

// What the 16 values of a nibble stand for in a row of scale 1.
static const float nibble_values[16] = {
    0 / 7.5f - 1,  1 / 7.5f - 1,  2 / 7.5f - 1,  3 / 7.5f - 1,  4 / 7.5f - 1,  5 / 7.5f - 1,
    6 / 7.5f - 1,  7 / 7.5f - 1,  8 / 7.5f - 1,  9 / 7.5f - 1,  10 / 7.5f - 1, 11 / 7.5f - 1,
    12 / 7.5f - 1, 13 / 7.5f - 1, 14 / 7.5f - 1, 15 / 7.5f - 1,
};

// Loops that the compiler turns into the vector code of each level by itself. A level's entry inlines them.
#define ALWAYS_INLINE static inline __attribute__((always_inline))

// Puts the sum of a group, a tile of `width` columns, to those of the groups before it.
ALWAYS_INLINE void store(const float *tile, size_t width, bool is_first, float *restrict sum) {
  if (is_first) {
    memcpy(sum, tile, width * sizeof(float));
  } else {
    for (size_t c = 0; c < width; c++) sum[c] += tile[c];
  }
}

ALWAYS_INLINE void sum_group(const float *table, size_t stride, const int32_t *ids, const float *weights, size_t count,
                             size_t columns, bool is_first, float *restrict sum) {
  // A tile of columns stays in registers while the rows go by.
  enum { TILE = 128 };
  for (size_t first = 0; first < columns; first += TILE) {
    size_t width = columns - first < TILE ? columns - first : TILE;
    float tile[TILE] = {0};
    for (size_t t = 0; t < count; t++) {
      const float *row = table + (size_t)ids[t] * stride + first;
      if (width < TILE) {
        float weight = weights ? weights[t] : 1;
        for (size_t c = 0; c < width; c++) tile[c] += weight * row[c];
      } else if (weights) {
        for (size_t c = 0; c < TILE; c++) tile[c] += weights[t] * row[c];
      } else {
        for (size_t c = 0; c < TILE; c++) tile[c] += row[c];
      }
    }
    store(tile, width, is_first, sum + first);
  }
}

ALWAYS_INLINE void sum_rows(const float *table, size_t stride, const int32_t *ids, const float *weights, size_t count,
                            size_t columns, float *restrict sum) {
  size_t start = 0;
  do {
    size_t size = count - start < GROUP ? count - start : GROUP;
    for (size_t t = 0; t < size; t++) fetch(table + (size_t)ids[start + t] * stride, columns * sizeof(float));
    sum_group(table, stride, ids + start, weights ? weights + start : NULL, size, columns, start == 0, sum);
    start += GROUP;
  } while (start < count);
}

// A group of packed rows, columns from `first` on, two a byte.
ALWAYS_INLINE void sum_packed_tail(const uint8_t *packed, size_t stride, const float *scales, const int32_t *ids,
                                   size_t count, size_t first, size_t columns, bool is_first, float *restrict sum) {
  enum { TILE = 64 };
  for (; first < columns; first += TILE) {
    size_t width = columns - first < TILE ? columns - first : TILE;
    float tile[TILE] = {0};
    for (size_t t = 0; t < count; t++) {
      float values[16];
      for (int q = 0; q < 16; q++) values[q] = nibble_values[q] * scales[ids[t]];
      const uint8_t *row = packed + (size_t)ids[t] * stride + first / 2;
      for (size_t c = 0; c < width; c += 2) {
        tile[c] += values[row[c / 2] >> 4];
        tile[c + 1] += values[row[c / 2] & 15];
      }
    }
    store(tile, width, is_first, sum + first);
  }
}

ALWAYS_INLINE void dynamic_tanh(float *restrict x, const float *restrict alpha, const float *restrict beta,
                                const float *restrict bias, size_t count) {
  for (size_t c = 0; c < count; c++) x[c] = beta[c] * hyperbolic_tangent(alpha[c] * x[c] + bias[c]);
}

ALWAYS_INLINE void scale(float *x, float factor, size_t count) {
  for (size_t c = 0; c < count; c++) x[c] *= factor;
}

ALWAYS_INLINE float sum_of_squares(const float *x, size_t count) {
  // Sixteen sums side by side: the order of additions is fixed here, so the compiler may use vectors.
  float partial[16] = {0};
  size_t c = 0;
  for (; c + 16 <= count; c += 16) {
    for (int lane = 0; lane < 16; lane++) partial[lane] += x[c + lane] * x[c + lane];
  }
  for (int lane = 0; c < count; c++, lane++) partial[lane] += x[c] * x[c];
  for (int width = 8; width > 0; width /= 2) {
    for (int lane = 0; lane < width; lane++) partial[lane] += partial[lane + width];
  }
  return partial[0];
}

// The entries of one level around the shared loops; its sum_packed_group is written by hand where vectors look up.
#define LEVEL(NAME, TARGET)                                                                                            \
  TARGET static void sum_rows_##NAME(const float *table, size_t stride, const int32_t *ids, size_t count,              \
                                     size_t columns, float *sum) {                                                     \
    sum_rows(table, stride, ids, NULL, count, columns, sum);                                                           \
  }                                                                                                                    \
  TARGET static void sum_weighted_rows_##NAME(const float *table, size_t stride, const int32_t *ids,                   \
                                              const float *weights, size_t count, size_t columns, float *sum) {        \
    sum_rows(table, stride, ids, weights, count, columns, sum);                                                        \
  }                                                                                                                    \
  TARGET static void sum_packed_rows_##NAME(const uint8_t *packed, size_t stride, const float *scales,                 \
                                            const int32_t *ids, size_t count, size_t columns, float *sum) {            \
    size_t start = 0;                                                                                                  \
    do {                                                                                                               \
      size_t size = count - start < GROUP ? count - start : GROUP;                                                     \
      for (size_t t = 0; t < size; t++) {                                                                              \
        fetch(packed + (size_t)ids[start + t] * stride, columns / 2);                                                  \
        __builtin_prefetch(scales + ids[start + t]);                                                                   \
      }                                                                                                                \
      sum_packed_group_##NAME(packed, stride, scales, ids + start, size, columns, start == 0, sum);                    \
      start += GROUP;                                                                                                  \
    } while (start < count);                                                                                           \
  }                                                                                                                    \
  TARGET static void dynamic_tanh_##NAME(float *x, const float *alpha, const float *beta, const float *bias,           \
                                         size_t count) {                                                               \
    dynamic_tanh(x, alpha, beta, bias, count);                                                                         \
  }                                                                                                                    \
  TARGET static void scale_##NAME(float *x, float factor, size_t count) { scale(x, factor, count); }                   \
  TARGET static float sum_of_squares_##NAME(const float *x, size_t count) { return sum_of_squares(x, count); }         \
  static const minke_pooling_kernels NAME = {                                                                          \
      sum_rows_##NAME, sum_weighted_rows_##NAME, sum_packed_rows_##NAME, dynamic_tanh_##NAME,                          \
      scale_##NAME,    sum_of_squares_##NAME,                                                                          \
  };

static void sum_packed_group_portable(const uint8_t *packed, size_t stride, const float *scales, const int32_t *ids,
                                      size_t count, size_t columns, bool is_first, float *sum) {
  sum_packed_tail(packed, stride, scales, ids, count, 0, columns, is_first, sum);
}
LEVEL(portable, )

#if MINKE_X86

// The 16 values of the present row fill two registers, which a permutation looks up: its low half by the index's
// low 3 bits, and bit 3, moved to the sign, chooses between the two.
MINKE_TARGET_AVX2 static inline __m256 look_up_avx2(__m256 low, __m256 high, __m256i index) {
  __m256 a = _mm256_permutevar8x32_ps(low, index), b = _mm256_permutevar8x32_ps(high, index);
  return _mm256_blendv_ps(a, b, _mm256_castsi256_ps(_mm256_slli_epi32(index, 28)));
}

MINKE_TARGET_AVX2 static void sum_packed_group_avx2(const uint8_t *packed, size_t stride, const float *scales,
                                                    const int32_t *ids, size_t count, size_t columns, bool is_first,
                                                    float *sum) {
  enum { TILE = 64 };  // columns held in 8 registers, even and odd ones apart
  const __m256 low = _mm256_loadu_ps(nibble_values), high = _mm256_loadu_ps(nibble_values + 8);
  size_t first = 0;
  for (; first + TILE <= columns; first += TILE) {
    __m256 even[4], odd[4];
    for (int i = 0; i < 4; i++) even[i] = odd[i] = _mm256_setzero_ps();
    for (size_t t = 0; t < count; t++) {
      const uint8_t *row = packed + (size_t)ids[t] * stride + first / 2;
      __m256 scale = _mm256_set1_ps(scales[ids[t]]);
      __m256 row_low = _mm256_mul_ps(low, scale), row_high = _mm256_mul_ps(high, scale);
      for (int i = 0; i < 4; i++) {
        __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(row + 8 * i)));
        even[i] = _mm256_add_ps(even[i], look_up_avx2(row_low, row_high, _mm256_srli_epi32(bytes, 4)));
        odd[i] = _mm256_add_ps(odd[i], look_up_avx2(row_low, row_high, bytes));
      }
    }
    for (int i = 0; i < 4; i++) {
      __m256 a = _mm256_unpacklo_ps(even[i], odd[i]), b = _mm256_unpackhi_ps(even[i], odd[i]);
      __m256 front = _mm256_permute2f128_ps(a, b, 0x20), back = _mm256_permute2f128_ps(a, b, 0x31);
      float *place = sum + first + 16 * i;
      if (!is_first) {
        front = _mm256_add_ps(_mm256_loadu_ps(place), front);
        back = _mm256_add_ps(_mm256_loadu_ps(place + 8), back);
      }
      _mm256_storeu_ps(place, front);
      _mm256_storeu_ps(place + 8, back);
    }
  }
  sum_packed_tail(packed, stride, scales, ids, count, first, columns, is_first, sum);
}
LEVEL(avx2, MINKE_TARGET_AVX2)

MINKE_TARGET_AVX512 static void sum_packed_group_avx512(const uint8_t *packed, size_t stride, const float *scales,
                                                        const int32_t *ids, size_t count, size_t columns, bool is_first,
                                                        float *sum) {
  enum { TILE = 256 };  // columns held in 16 registers, even and odd ones apart
  const __m512 values = _mm512_loadu_ps(nibble_values);
  const __m512i front = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i back = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  size_t first = 0;
  for (; first < columns; first += TILE) {
    size_t blocks = (columns - first) / 32;
    if (blocks == 0) break;
    if (blocks > TILE / 32) blocks = TILE / 32;
    __m512 even[8], odd[8];
    for (int i = 0; i < 8; i++) even[i] = odd[i] = _mm512_setzero_ps();
    for (size_t t = 0; t < count; t++) {
      const uint8_t *row = packed + (size_t)ids[t] * stride + first / 2;
      // A permutation reads only the low 4 bits of an index: it looks a nibble up without masking.
      __m512 row_values = _mm512_mul_ps(values, _mm512_set1_ps(scales[ids[t]]));
#define ADD(i)                                                                                                         \
  {                                                                                                                    \
    __m512i bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(row + 16 * i)));                            \
    even[i] = _mm512_add_ps(even[i], _mm512_permutexvar_ps(_mm512_srli_epi32(bytes, 4), row_values));                  \
    odd[i] = _mm512_add_ps(odd[i], _mm512_permutexvar_ps(bytes, row_values));                                          \
  }
      if (blocks == 8) {
        ADD(0) ADD(1) ADD(2) ADD(3) ADD(4) ADD(5) ADD(6) ADD(7)
      } else {
        for (size_t i = 0; i < blocks; i++) ADD(i)
      }
#undef ADD
    }
    for (size_t i = 0; i < blocks; i++) {
      __m512 low = _mm512_permutex2var_ps(even[i], front, odd[i]);
      __m512 high = _mm512_permutex2var_ps(even[i], back, odd[i]);
      float *place = sum + first + 32 * i;
      if (!is_first) {
        low = _mm512_add_ps(_mm512_loadu_ps(place), low);
        high = _mm512_add_ps(_mm512_loadu_ps(place + 16), high);
      }
      _mm512_storeu_ps(place, low);
      _mm512_storeu_ps(place + 16, high);
    }
  }
  sum_packed_tail(packed, stride, scales, ids, count, columns / 32 * 32, columns, is_first, sum);
}
LEVEL(avx512, MINKE_TARGET_AVX512)

#elif MINKE_ARM64

// The 16 values of the present row fill the 64 bytes of a table look-up; index q selects bytes 4q to 4q + 3.
static inline float32x4_t look_up_neon(uint8x16x4_t table, uint32x4_t index) {
  uint32x4_t bytes = vmlaq_u32(vdupq_n_u32(0x03020100), index, vdupq_n_u32(0x04040404));
  return vreinterpretq_f32_u8(vqtbl4q_u8(table, vreinterpretq_u8_u32(bytes)));
}

static void sum_packed_group_neon(const uint8_t *packed, size_t stride, const float *scales, const int32_t *ids,
                                  size_t count, size_t columns, bool is_first, float *sum) {
  enum { TILE = 32 };  // columns held in 8 registers, even and odd ones apart
  size_t first = 0;
  for (; first + TILE <= columns; first += TILE) {
    float32x4_t even[4], odd[4];
    for (int i = 0; i < 4; i++) even[i] = odd[i] = vdupq_n_f32(0);
    for (size_t t = 0; t < count; t++) {
      const uint8_t *row = packed + (size_t)ids[t] * stride + first / 2;
      uint8x16x4_t table;
      for (int i = 0; i < 4; i++) {
        table.val[i] = vreinterpretq_u8_f32(vmulq_n_f32(vld1q_f32(nibble_values + 4 * i), scales[ids[t]]));
      }
      uint8x16_t bytes = vld1q_u8(row);
      uint16x8_t halves[2] = {vmovl_u8(vget_low_u8(bytes)), vmovl_u8(vget_high_u8(bytes))};
      for (int i = 0; i < 4; i++) {
        uint16x8_t half = halves[i / 2];
        uint32x4_t quad = vmovl_u16(i % 2 ? vget_high_u16(half) : vget_low_u16(half));
        even[i] = vaddq_f32(even[i], look_up_neon(table, vshrq_n_u32(quad, 4)));
        odd[i] = vaddq_f32(odd[i], look_up_neon(table, vandq_u32(quad, vdupq_n_u32(15))));
      }
    }
    for (int i = 0; i < 4; i++) {
      float32x4x2_t pair = {{even[i], odd[i]}};
      float *place = sum + first + 8 * i;
      if (!is_first) {
        float32x4x2_t before = vld2q_f32(place);
        pair.val[0] = vaddq_f32(before.val[0], pair.val[0]);
        pair.val[1] = vaddq_f32(before.val[1], pair.val[1]);
      }
      vst2q_f32(place, pair);
    }
  }
  sum_packed_tail(packed, stride, scales, ids, count, first, columns, is_first, sum);
}
LEVEL(neon, )

#endif

const minke_pooling_kernels *minke_pooling(minke_level level) {
  switch (level) {
#if MINKE_X86
    case MINKE_AVX2: return &avx2;
    case MINKE_AVX512: return &avx512;
#elif MINKE_ARM64
    case MINKE_NEON: return &neon;
#endif
    default: return &portable;
  }
}
