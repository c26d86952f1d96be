#include "matvec_rounded.h"

#include "vector.h"

#if MINKE_X86
#include <immintrin.h>
#elif MINKE_ARM64
#include <arm_neon.h>
#endif

typedef int8_t s8x16 __attribute__((vector_size(16)));

#define MINKE_GROUP_BYTES (MINKE_FOUR_BIT_GROUP / 2)
#define MINKE_UNROLL _Pragma("clang loop unroll(full)")

// How many bytes ahead weights are asked for, and how many ahead their scales and minimums, which are an eighth of them:
// of all that lies in far memory those are the shortest lines, which the processor does not foresee. Asking beyond their
// end does no harm.
#define MINKE_AHEAD 8192
#define MINKE_SCALES_AHEAD (MINKE_AHEAD / 8)

// Four rows side by side: each part of x is loaded once for all of them.
#define MINKE_BY_NEIGHBORS(BODY)                                                                                       \
  size_t row = 0;                                                                                                      \
  for (; row + 4 <= rows; row += 4) BODY(row, 4);                                                                      \
  for (; row < rows; row++) BODY(row, 1);

// Where the first half of a group's x lies; the second lies 64 bytes further on.
MINKE_INLINE const int8_t *half_of(const minke_rounded_input *x, size_t group) {
  return x->q + group / 4 * 128 + group % 4 * 16;
}

MINKE_INLINE s8x16 rounded16(v16 x, float factor) {
  // Adding the magic number leaves the nearest whole number. What is no number ends at a limit; its sum says what it is.
  const v16 magic = (v16){0} + 0x1.8p23f, limit = (v16){0} + 127.0f;
  const v16 whole = (x * factor + magic) - magic;
  return __builtin_convertvector(__builtin_convertvector(max16(min16(whole, limit), -limit), v16i), s8x16);
}

MINKE_INLINE void round_input(const float *x, size_t inputs, const minke_rounded_input *rounded) {
  const size_t groups = minke_rounded_groups(inputs);
  for (size_t group = 0; group < groups; group++) {
    const size_t k = MINKE_FOUR_BIT_GROUP * group, left = k < inputs ? inputs - k : 0;
    const v16 low = left >= 16 ? load16(x + k) : load_some(x + k, left);
    const v16 high = left >= 32 ? load16(x + k + 16) : left > 16 ? load_some(x + k + 16, left - 16) : (v16){0};
    const float largest = largest16(max16(abs16(low), abs16(high)));
    const float factor = largest > 0 ? 127.0f / largest : 0;
    const s8x16 first = rounded16(low, factor), second = rounded16(high, factor);
    int8_t *q = (int8_t *)half_of(rounded, group);
    memcpy(q, &first, sizeof first);
    memcpy(q + 64, &second, sizeof second);
    rounded->scales[group] = largest / 127.0f;
    rounded->sums[group] = sum16(low + high);
  }
}

void minke_round_input_portable(const float *x, size_t inputs, const minke_rounded_input *rounded) {
  round_input(x, inputs, rounded);
}

void minke_four_bit_rounded_portable(const minke_four_bit_rows *w, size_t rows, size_t inputs,
                                     const minke_rounded_input *x, float *y) {
  const size_t groups = minke_four_bit_groups(inputs);
  for (size_t row = 0; row < rows; row++) {
    float sum = 0;
    for (size_t group = 0; group < groups; group++) {
      const size_t at = row * groups + group;
      const uint8_t *q = w->q + at * MINKE_GROUP_BYTES;
      const int8_t *a = half_of(x, group);
      int32_t dot = 0;
      for (int i = 0; i < 16; i++) dot += (q[i] & 15) * a[i] + (q[i] >> 4) * a[i + 64];
      sum += (float)dot * (minke_half(w->scales[at]) * x->scales[group]) + minke_half(w->minimums[at]) * x->sums[group];
    }
    y[row] = sum;
  }
}

#if MINKE_X86

MINKE_TARGET_AVX2 void minke_round_input_avx2(const float *x, size_t inputs, const minke_rounded_input *rounded) {
  round_input(x, inputs, rounded);
}

MINKE_TARGET_AVX512 void minke_round_input_avx512(const float *x, size_t inputs, const minke_rounded_input *rounded) {
  round_input(x, inputs, rounded);
}

// Eight float16 numbers, the last ones 0 where there are fewer. Each copy is of a fixed size: one whose size only shows
// when it runs is a call, and two of those a row take as long as all of its products.
MINKE_TARGET_AVX2 MINKE_INLINE __m256 eight_halves(const uint16_t *p, size_t count) {
  if (count >= 8) return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
  uint64_t four = 0, rest = 0;
  if (count & 4) memcpy(&four, p, 8);
  p += count & 4;
  if (count & 2) memcpy(&rest, p, 4);
  p += count & 2;
  if (count & 1) rest |= (uint64_t)*p << 16 * (count & 2);
  const int64_t low = (int64_t)(count & 4 ? four : rest), high = (int64_t)(count & 4 ? rest : 0);
  return _mm256_cvtph_ps(_mm_set_epi64x(high, low));
}

// Two groups at once: their first halves are one register, their second ones another.
MINKE_TARGET_AVX2 MINKE_INLINE __m256i pair_dots(__m256i q, __m256i low_x, __m256i high_x) {
  const __m256i nibbles = _mm256_set1_epi8(15);
  const __m256i low = _mm256_and_si256(q, nibbles), high = _mm256_and_si256(_mm256_srli_epi16(q, 4), nibbles);
  // Four products of at most 15 * 127 in 16 bits.
  const __m256i fours = _mm256_add_epi16(_mm256_maddubs_epi16(low, low_x), _mm256_maddubs_epi16(high, high_x));
  return _mm256_madd_epi16(fours, _mm256_set1_epi16(1));
}

MINKE_TARGET_AVX2 MINKE_INLINE void rounded_rows_avx2(const minke_four_bit_rows *w, size_t row, size_t inputs,
                                                      const minke_rounded_input *x, float *y, const int count) {
  const size_t groups = minke_four_bit_groups(inputs);
  const __m256i pair_lanes = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  __m256 sum[4];
  MINKE_UNROLL for (int r = 0; r < count; r++) sum[r] = _mm256_setzero_ps();
  for (size_t first = 0; first < groups; first += 8) {
    const size_t some = groups - first < 8 ? groups - first : 8;
    const __m256 x_scales = _mm256_loadu_ps(x->scales + first), x_sums = _mm256_loadu_ps(x->sums + first);
    __m256 scales[4];
    const uint8_t *q[4];
    MINKE_UNROLL for (int r = 0; r < count; r++) {
      const size_t at = (row + (size_t)r) * groups + first;
      q[r] = w->q + at * MINKE_GROUP_BYTES;
      __builtin_prefetch((const char *)(w->scales + at) + MINKE_SCALES_AHEAD);
      __builtin_prefetch((const char *)(w->minimums + at) + MINKE_SCALES_AHEAD);
      scales[r] = _mm256_mul_ps(eight_halves(w->scales + at, some), x_scales);
      sum[r] = _mm256_fmadd_ps(eight_halves(w->minimums + at, some), x_sums, sum[r]);
    }
    size_t g = 0;
    for (; g + 2 <= some; g += 2) {
      const int8_t *a = half_of(x, first + g);
      const __m256i low_x = _mm256_loadu_si256((const __m256i *)a),
                    high_x = _mm256_loadu_si256((const __m256i *)(a + 64));
      const __m256i lanes = _mm256_add_epi32(pair_lanes, _mm256_set1_epi32((int)g));
      MINKE_UNROLL for (int r = 0; r < count; r++) {
        const uint8_t *bytes = q[r] + g * MINKE_GROUP_BYTES;
        __builtin_prefetch(bytes + MINKE_AHEAD);
        const __m256i dots = pair_dots(_mm256_loadu_si256((const __m256i *)bytes), low_x, high_x);
        sum[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots), _mm256_permutevar8x32_ps(scales[r], lanes), sum[r]);
      }
    }
    if (g < some) {
      const int8_t *a = half_of(x, first + g);
      const __m256i low_x = _mm256_loadu_si256((const __m256i *)a),
                    high_x = _mm256_loadu_si256((const __m256i *)(a + 64));
      const __m256i lanes = _mm256_add_epi32(pair_lanes, _mm256_set1_epi32((int)g));
      MINKE_UNROLL for (int r = 0; r < count; r++) {
        // The last group alone; beyond it may lie nothing.
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(q[r] + g * MINKE_GROUP_BYTES));
        const __m256i dots = pair_dots(_mm256_zextsi128_si256(bytes), low_x, high_x);
        sum[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots), _mm256_permutevar8x32_ps(scales[r], lanes), sum[r]);
      }
    }
  }
  MINKE_UNROLL for (int r = 0; r < count; r++) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(sum[r]), _mm256_extractf128_ps(sum[r], 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    y[r] = _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
  }
}

MINKE_TARGET_AVX2 void minke_four_bit_rounded_avx2(const minke_four_bit_rows *w, size_t rows, size_t inputs,
                                                   const minke_rounded_input *x, float *y){
#define MINKE_BODY(row, n) rounded_rows_avx2(w, row, inputs, x, y + row, n)
    MINKE_BY_NEIGHBORS(MINKE_BODY)
#undef MINKE_BODY
}

// Four groups at once.
MINKE_TARGET_AVX512 MINKE_INLINE void rounded_rows_avx512(const minke_four_bit_rows *w, size_t row, size_t inputs,
                                                          const minke_rounded_input *x, float *y, const int count) {
  const size_t groups = minke_four_bit_groups(inputs);
  const __m512i nibbles = _mm512_set1_epi8(15);
  const __m512i four_lanes = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  __m512 sum[4];
  MINKE_UNROLL for (int r = 0; r < count; r++) sum[r] = _mm512_setzero_ps();
  for (size_t first = 0; first < groups; first += 16) {
    const size_t some = groups - first < 16 ? groups - first : 16;
    const __mmask16 present = (__mmask16)((1u << some) - 1);
    const __m512 x_scales = _mm512_loadu_ps(x->scales + first), x_sums = _mm512_loadu_ps(x->sums + first);
    __m512 scales[4];
    const uint8_t *q[4];
    MINKE_UNROLL for (int r = 0; r < count; r++) {
      const size_t at = (row + (size_t)r) * groups + first;
      q[r] = w->q + at * MINKE_GROUP_BYTES;
      __builtin_prefetch((const char *)(w->scales + at) + MINKE_SCALES_AHEAD);
      __builtin_prefetch((const char *)(w->minimums + at) + MINKE_SCALES_AHEAD);
      scales[r] = _mm512_mul_ps(_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(present, w->scales + at)), x_scales);
      const __m512 minimums = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(present, w->minimums + at));
      sum[r] = _mm512_fmadd_ps(minimums, x_sums, sum[r]);
    }
    for (size_t g = 0; g < some; g += 4) {
      const int8_t *a = half_of(x, first + g);
      const __m512i low_x = _mm512_loadu_si512(a), high_x = _mm512_loadu_si512(a + 64);
      const __m512i lanes = _mm512_add_epi32(four_lanes, _mm512_set1_epi32((int)g));
      const __mmask64 bytes = some - g >= 4 ? ~(__mmask64)0 : ((__mmask64)1 << 16 * (some - g)) - 1;
      MINKE_UNROLL for (int r = 0; r < count; r++) {
        const uint8_t *part = q[r] + g * MINKE_GROUP_BYTES;
        __builtin_prefetch(part + MINKE_AHEAD);
        const __m512i both = _mm512_maskz_loadu_epi8(bytes, part);
        const __m512i low = _mm512_and_si512(both, nibbles);
        const __m512i high = _mm512_and_si512(_mm512_srli_epi16(both, 4), nibbles);
        const __m512i dots = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(_mm512_setzero_si512(), low, low_x), high, high_x);
        sum[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots), _mm512_permutexvar_ps(lanes, scales[r]), sum[r]);
      }
    }
  }
  MINKE_UNROLL for (int r = 0; r < count; r++) y[r] = _mm512_reduce_add_ps(sum[r]);
}

MINKE_TARGET_AVX512 void minke_four_bit_rounded_avx512(const minke_four_bit_rows *w, size_t rows, size_t inputs,
                                                       const minke_rounded_input *x, float *y){
#define MINKE_BODY(row, n) rounded_rows_avx512(w, row, inputs, x, y + row, n)
    MINKE_BY_NEIGHBORS(MINKE_BODY)
#undef MINKE_BODY
}

#elif MINKE_ARM64

MINKE_INLINE int32x4_t group_dots_neon(uint8x16_t q, int8x16_t low_x, int8x16_t high_x) {
  const int8x16_t low = vreinterpretq_s8_u8(vandq_u8(q, vdupq_n_u8(15)));
  const int8x16_t high = vreinterpretq_s8_u8(vshrq_n_u8(q, 4));
  // Four products of at most 15 * 127 in 16 bits.
  int16x8_t sum = vmull_s8(vget_low_s8(low), vget_low_s8(low_x));
  sum = vmlal_high_s8(sum, low, low_x);
  sum = vmlal_s8(sum, vget_low_s8(high), vget_low_s8(high_x));
  sum = vmlal_high_s8(sum, high, high_x);
  return vpaddlq_s16(sum);
}

MINKE_TARGET_DOTPROD MINKE_INLINE int32x4_t group_dots_dotprod(uint8x16_t q, int8x16_t low_x, int8x16_t high_x) {
  const int8x16_t low = vreinterpretq_s8_u8(vandq_u8(q, vdupq_n_u8(15)));
  const int8x16_t high = vreinterpretq_s8_u8(vshrq_n_u8(q, 4));
  return vdotq_s32(vdotq_s32(vdupq_n_s32(0), low, low_x), high, high_x);
}

#define MINKE_ROUNDED_LEVEL(LEVEL, TARGET)                                                                             \
  TARGET MINKE_INLINE void rounded_rows_##LEVEL(const minke_four_bit_rows *w, size_t row, size_t inputs,               \
                                                const minke_rounded_input *x, float *y, const int count) {             \
    const size_t groups = minke_four_bit_groups(inputs);                                                               \
    float32x4_t sum[4];                                                                                                \
    float offset[4] = {0};                                                                                             \
    for (int r = 0; r < count; r++) sum[r] = vdupq_n_f32(0);                                                           \
    for (size_t group = 0; group < groups; group++) {                                                                  \
      const int8_t *a = half_of(x, group);                                                                             \
      const int8x16_t low_x = vld1q_s8(a), high_x = vld1q_s8(a + 64);                                                  \
      for (int r = 0; r < count; r++) {                                                                                \
        const size_t at = (row + (size_t)r) * groups + group;                                                          \
        const int32x4_t dots = group_dots_##LEVEL(vld1q_u8(w->q + at * MINKE_GROUP_BYTES), low_x, high_x);             \
        sum[r] = vfmaq_n_f32(sum[r], vcvtq_f32_s32(dots), minke_half(w->scales[at]) * x->scales[group]);               \
        offset[r] += minke_half(w->minimums[at]) * x->sums[group];                                                     \
      }                                                                                                                \
    }                                                                                                                  \
    for (int r = 0; r < count; r++) y[r] = vaddvq_f32(sum[r]) + offset[r];                                             \
  }                                                                                                                    \
  TARGET void minke_four_bit_rounded_##LEVEL(const minke_four_bit_rows *w, size_t rows, size_t inputs,                 \
                                             const minke_rounded_input *x, float *y) {                                 \
    MINKE_BY_NEIGHBORS(MINKE_BODY_##LEVEL)                                                                             \
  }
#define MINKE_BODY_neon(row, n) rounded_rows_neon(w, row, inputs, x, y + row, n)
#define MINKE_BODY_dotprod(row, n) rounded_rows_dotprod(w, row, inputs, x, y + row, n)

MINKE_ROUNDED_LEVEL(neon, )
MINKE_ROUNDED_LEVEL(dotprod, MINKE_TARGET_DOTPROD)

#endif
