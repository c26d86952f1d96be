#include "matvec.h"

#include "matvec_rounded.h"
#include "vector.h"

#if MINKE_X86
#include <immintrin.h>
#endif

typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef int8_t s8x16 __attribute__((vector_size(16)));
typedef uint16_t u16x16 __attribute__((vector_size(32)));

#define MINKE_GROUP_BYTES (MINKE_FOUR_BIT_GROUP / 2)

// How many bytes ahead packed weights are asked for: their rows are so short that they end before the processor has
// noticed that they are read in order. Asking beyond the end of the weights does no harm.
#define MINKE_AHEAD 4096

// Rows are taken four at a time: four sums side by side hide the time one takes, and x is read once for all. They lie a
// quarter of the matrix apart, because four streams through memory keep it busier than one does: float32 products take
// a quarter less time so. Of 4-bit rows, which take longer to unpack than to read, four neighbors are taken.
#define MINKE_BY_ROWS(BODY)                                                                                            \
  const size_t quarter = rows / 4;                                                                                     \
  for (size_t row = 0; row < quarter; row++) { BODY(row, quarter, 4); }                                                \
  for (size_t row = 4 * quarter; row < rows; row++) { BODY(row, 0, 1); }

#define MINKE_BY_NEIGHBORS(BODY)                                                                                       \
  size_t row = 0;                                                                                                      \
  for (; row + 4 <= rows; row += 4) { BODY(row, 1, 4); }                                                               \
  for (; row < rows; row++) { BODY(row, 0, 1); }

// Row 0 of `w`, row `gap`, row 2 `gap` and so on, `count` of them; here and below.
MINKE_INLINE void float32_rows(const float *w, size_t inputs, size_t gap, const float *x, float *y, const int count) {
  v16 sum[4] = {{0}};
  const float *rows[4];
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) rows[r] = w + (size_t)r * gap * inputs;
  size_t k = 0;
  for (; k + 16 <= inputs; k += 16) {
    const v16 factor = load16(x + k);
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) {
      // The next row is asked for now: the processor by itself does not look beyond the end of a page.
      __builtin_prefetch(rows[r] + inputs + k);
      sum[r] += load16(rows[r] + k) * factor;
    }
  }
  if (k < inputs) {
    const v16 factor = load_some(x + k, inputs - k);
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) sum[r] += load_some(rows[r] + k, inputs - k) * factor;
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) y[(size_t)r * gap] = sum16(sum[r]);
}

MINKE_INLINE void float32(const float *w, size_t rows, size_t inputs, const float *x, float *y){
#define MINKE_BODY(row, gap, n) float32_rows(w + row * inputs, inputs, gap, x, y + row, n)
    MINKE_BY_ROWS(MINKE_BODY)
#undef MINKE_BODY
}

MINKE_INLINE v16 load_int8(const int8_t *q, size_t count) {
  s8x16 bytes = {0};
  if (count >= 16) memcpy(&bytes, q, 16);
  else memcpy(&bytes, q, count);
  return __builtin_convertvector(__builtin_convertvector(bytes, v16i), v16);
}

MINKE_INLINE void int8_rows(const int8_t *q, const float *scales, size_t inputs, size_t gap, const float *x, float *y,
                            const int count) {
  v16 sum[4] = {{0}};
  size_t k = 0;
  for (; k + 16 <= inputs; k += 16) {
    const v16 factor = load16(x + k);
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) {
      __builtin_prefetch(q + (size_t)r * gap * inputs + k + MINKE_AHEAD);
      sum[r] += load_int8(q + (size_t)r * gap * inputs + k, 16) * factor;
    }
  }
  if (k < inputs) {
    const v16 factor = load_some(x + k, inputs - k);
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) sum[r] += load_int8(q + (size_t)r * gap * inputs + k, inputs - k) * factor;
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) y[(size_t)r * gap] = scales[(size_t)r * gap] * sum16(sum[r]);
}

MINKE_INLINE void int8(const int8_t *q, const float *scales, size_t rows, size_t inputs, const float *x, float *y){
#define MINKE_BODY(row, gap, n) int8_rows(q + row * inputs, scales + row, inputs, gap, x, y + row, n)
    MINKE_BY_ROWS(MINKE_BODY)
#undef MINKE_BODY
}

// Finite float16 numbers: moved into float32 the exponent is too small by 112, also where the number is subnormal.
MINKE_INLINE v16 halves(const uint16_t *p, size_t count) {
  u16x16 bits = {0};
  if (count >= 16) memcpy(&bits, p, 32);
  else memcpy(&bits, p, 2 * count);
  const v16i wide = __builtin_convertvector(bits, v16i);
  const v16 magnitude = (v16)((wide & 0x7fff) << 13) * 0x1p112f;
  return (v16)((v16i)magnitude | ((wide & 0x8000) << 16));
}

MINKE_INLINE v16 floats_of(u8x16 bytes) { return __builtin_convertvector(__builtin_convertvector(bytes, v16i), v16); }

MINKE_INLINE void four_bit_rows(const minke_four_bit_rows *w, size_t row, size_t inputs, size_t gap, const float *x,
                                float *y, const int count) {
  const size_t groups = minke_four_bit_groups(inputs);
  v16 sum[4] = {{0}};
  for (size_t first = 0; first < groups; first += 16) {
    const size_t some = groups - first < 16 ? groups - first : 16;
    float scales[4][16], minimums[4][16];
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) {
      const size_t at = (row + (size_t)r * gap) * groups + first;
      store16(scales[r], halves(w->scales + at, some));
      store16(minimums[r], halves(w->minimums + at, some));
    }
    for (size_t g = 0; g < some; g++) {
      const size_t k = MINKE_FOUR_BIT_GROUP * (first + g), left = inputs - k;
      const v16 low = left >= 16 ? load16(x + k) : load_some(x + k, left);
      const v16 high = left >= 32 ? load16(x + k + 16) : left > 16 ? load_some(x + k + 16, left - 16) : (v16){0};
      const v16 both = low + high;
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) {
        const uint8_t *q = w->q + ((row + (size_t)r * gap) * groups + first + g) * MINKE_GROUP_BYTES;
        __builtin_prefetch(q + MINKE_AHEAD);
        u8x16 bytes;
        memcpy(&bytes, q, sizeof bytes);
        const v16 dot = floats_of(bytes & 15) * low + floats_of(bytes >> 4) * high;
        sum[r] += dot * scales[r][g] + both * minimums[r][g];
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) y[(size_t)r * gap] = sum16(sum[r]);
}

MINKE_INLINE void four_bit(const minke_four_bit_rows *w, size_t rows, size_t inputs, const float *x, float *y){
#define MINKE_BODY(row, gap, n) four_bit_rows(w, row, inputs, gap, x, y + row, n)
    MINKE_BY_NEIGHBORS(MINKE_BODY)
#undef MINKE_BODY
}

#if MINKE_X86
// The sixteen weights that a group can have are made once and looked up: fewer instructions than widening each q,
// turning it into a float and scaling it.
MINKE_TARGET_AVX512 MINKE_INLINE void four_bit_rows_avx512(const minke_four_bit_rows *w, size_t row, size_t inputs,
                                                           size_t gap, const float *x, float *y, const int count) {
  const size_t groups = minke_four_bit_groups(inputs), whole = inputs / MINKE_FOUR_BIT_GROUP;
  const __m512 levels = _mm512_set_ps(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  __m512 sum[4][2];
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
  for (size_t first = 0; first < groups; first += 16) {
    const size_t some = groups - first < 16 ? groups - first : 16;
    float scales[4][16], minimums[4][16];
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) {
      const size_t at = (row + (size_t)r * gap) * groups + first;
      const __mmask16 mask = (__mmask16)((1u << some) - 1);
      _mm512_storeu_ps(scales[r], _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, w->scales + at)));
      _mm512_storeu_ps(minimums[r], _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, w->minimums + at)));
    }
    for (size_t g = 0; g < some; g++) {
      const size_t group = first + g, k = MINKE_FOUR_BIT_GROUP * group;
      __m512 low, high;
      if (group < whole) {
        low = _mm512_loadu_ps(x + k);
        high = _mm512_loadu_ps(x + k + 16);
      } else {
        const uint32_t mask = (1u << (inputs - k)) - 1;
        low = _mm512_maskz_loadu_ps((__mmask16)mask, x + k);
        high = _mm512_maskz_loadu_ps((__mmask16)(mask >> 16), x + k + 16);
      }
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) {
        const uint8_t *q = w->q + ((row + (size_t)r * gap) * groups + group) * MINKE_GROUP_BYTES;
        __builtin_prefetch(q + MINKE_AHEAD);
        const __m512i index = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)q));
        const __m512 weights = _mm512_fmadd_ps(levels, _mm512_set1_ps(scales[r][g]), _mm512_set1_ps(minimums[r][g]));
        // The look-up takes the low four bits of each index.
        sum[r][0] = _mm512_fmadd_ps(_mm512_permutexvar_ps(index, weights), low, sum[r][0]);
        sum[r][1] = _mm512_fmadd_ps(_mm512_permutexvar_ps(_mm512_srli_epi32(index, 4), weights), high, sum[r][1]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) y[(size_t)r * gap] = _mm512_reduce_add_ps(_mm512_add_ps(sum[r][0], sum[r][1]));
}

MINKE_TARGET_AVX512 static void four_bit_lookup(const minke_four_bit_rows *w, size_t rows, size_t inputs,
                                                const float *x, float *y){
#define MINKE_BODY(row, gap, n) four_bit_rows_avx512(w, row, inputs, gap, x, y + row, n)
    MINKE_BY_NEIGHBORS(MINKE_BODY)
#undef MINKE_BODY
}
#endif

MINKE_INLINE void store_part(float *y, v16 value, size_t left) {
  if (left >= 16) store16(y, value);
  else store_some(y, value, left);
}

MINKE_INLINE void unpack_int8(const int8_t *q, const float *scales, size_t rows, size_t inputs, float *y) {
  for (size_t row = 0; row < rows; row++, q += inputs, y += inputs)
    for (size_t k = 0; k < inputs; k += 16) store_part(y + k, load_int8(q + k, inputs - k) * scales[row], inputs - k);
}

MINKE_INLINE void unpack_four_bit(const minke_four_bit_rows *w, size_t rows, size_t inputs, float *y) {
  const size_t groups = minke_four_bit_groups(inputs);
  for (size_t row = 0; row < rows; row++, y += inputs)
    for (size_t g = 0; g < groups; g++) {
      const size_t at = row * groups + g, k = MINKE_FOUR_BIT_GROUP * g;
      const float scale = halves(w->scales + at, 1)[0], minimum = halves(w->minimums + at, 1)[0];
      u8x16 bytes;
      memcpy(&bytes, w->q + at * MINKE_GROUP_BYTES, sizeof bytes);
      store_part(y + k, floats_of(bytes & 15) * scale + minimum, inputs - k);
      if (k + 16 < inputs) store_part(y + k + 16, floats_of(bytes >> 4) * scale + minimum, inputs - k - 16);
    }
}

// One set of functions for each level: the bodies above, compiled for its instructions.
#define MINKE_MATVEC_LEVEL(LEVEL, TARGET, FOUR_BIT, ROUNDING, ROUNDED)                                                 \
  TARGET static void float32_##LEVEL(const float *w, size_t rows, size_t inputs, const float *x, float *y) {           \
    float32(w, rows, inputs, x, y);                                                                                    \
  }                                                                                                                    \
  TARGET static void int8_##LEVEL(const int8_t *q, const float *scales, size_t rows, size_t inputs, const float *x,    \
                                  float *y) {                                                                          \
    int8(q, scales, rows, inputs, x, y);                                                                               \
  }                                                                                                                    \
  TARGET static void four_bit_##LEVEL(const minke_four_bit_rows *w, size_t rows, size_t inputs, const float *x,        \
                                      float *y) {                                                                      \
    FOUR_BIT(w, rows, inputs, x, y);                                                                                   \
  }                                                                                                                    \
  TARGET static void unpack_int8_##LEVEL(const int8_t *q, const float *scales, size_t rows, size_t inputs, float *y) { \
    unpack_int8(q, scales, rows, inputs, y);                                                                           \
  }                                                                                                                    \
  TARGET static void unpack_four_bit_##LEVEL(const minke_four_bit_rows *w, size_t rows, size_t inputs, float *y) {     \
    unpack_four_bit(w, rows, inputs, y);                                                                               \
  }                                                                                                                    \
  static const minke_matvec_kernels kernels_##LEVEL = {float32_##LEVEL,                                                \
                                                       int8_##LEVEL,                                                   \
                                                       four_bit_##LEVEL,                                               \
                                                       unpack_int8_##LEVEL,                                            \
                                                       unpack_four_bit_##LEVEL,                                        \
                                                       minke_round_input_##ROUNDING,                                   \
                                                       minke_four_bit_rounded_##ROUNDED};

MINKE_MATVEC_LEVEL(portable, , four_bit, portable, portable)
#if MINKE_X86
MINKE_MATVEC_LEVEL(avx2, MINKE_TARGET_AVX2, four_bit, avx2, avx2)
MINKE_MATVEC_LEVEL(avx512, MINKE_TARGET_AVX512, four_bit_lookup, avx512, avx512)
#elif MINKE_ARM64
// The compiler uses NEON, which every 64-bit Arm has, for the portable bodies as well.
MINKE_MATVEC_LEVEL(neon, , four_bit, portable, neon)
MINKE_MATVEC_LEVEL(dotprod, , four_bit, portable, dotprod)
#endif

const minke_matvec_kernels *minke_matvec(minke_level level) {
#if MINKE_X86
  if (level == MINKE_AVX512) return &kernels_avx512;
  if (level == MINKE_AVX2) return &kernels_avx2;
#elif MINKE_ARM64
  if (level == MINKE_NEON) return minke_has_dotprod() ? &kernels_dotprod : &kernels_neon;
#endif
  (void)level;
  return &kernels_portable;
}
