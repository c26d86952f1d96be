#include "gemm.h"

#include <math.h>

#include "transformer.h"
#include "vector.h"

#if MINKE_X86
#include <immintrin.h>
#elif MINKE_ARM64
#include <arm_neon.h>
#endif

#define MINKE_UNROLL _Pragma("clang loop unroll(full)")

// The exact sums of one tile: up to 14 rows times one panel.
typedef struct {
  int32_t sum[14][MINKE_PANEL];
} tile_sums;

// Scales a tile's sums into y.
MINKE_INLINE void finish(const minke_gemm_int8_call *g, const tile_sums *tile, size_t row, size_t rows, size_t column,
                         size_t width) {
  for (size_t r = 0; r < rows; r++) {
    float *y = g->y + (row + r) * g->y_stride;
    const float scale = g->x_scales[row + r];
    const int32_t zero = g->x_zeros[row + r];
    for (size_t n = column; n < column + width && n < g->columns; n += 16) {
      const size_t left = g->columns - n;
      v16i sum, w_sum = {0};
      v16 w_scale, bias = {0};
      memcpy(&sum, &tile->sum[r][n - column], sizeof sum);
      if (left >= 16) {
        memcpy(&w_sum, g->w_sums + n, sizeof w_sum);
        w_scale = load16(g->w_scales + n);
        if (g->bias) bias = load16(g->bias + n);
      } else {
        memcpy(&w_sum, g->w_sums + n, left * sizeof(int32_t));
        w_scale = load_some(g->w_scales + n, left);
        if (g->bias) bias = load_some(g->bias + n, left);
      }
      v16 value = __builtin_convertvector(sum - zero * w_sum, v16) * (w_scale * scale) + bias;
      if (left >= 16) store16(y + n, value);
      else store_some(y + n, value, left);
    }
  }
}

// Each level has a function that sums one tile of constant size:
// sum[r][c] = sum over k of x[r, k] w[c, k], for `rows` rows and 16 `vectors` columns. `groups` counts four k each.

MINKE_INLINE void sum_portable(const uint8_t *x, size_t stride, const int8_t *panel, size_t groups, tile_sums *tile,
                               const int rows, const int vectors) {
  for (int r = 0; r < rows; r++) {
    int32_t sum[32] = {0};
    const int8_t *values = (const int8_t *)x + (size_t)r * stride;
    for (size_t k = 0; k < groups; k++)
      for (int c = 0; c < 16 * vectors; c++) {
        const int8_t *w = panel + 4 * (MINKE_PANEL * k + (size_t)c), *v = values + 4 * k;
        sum[c] += v[0] * w[0] + v[1] * w[1] + v[2] * w[2] + v[3] * w[3];
      }
    memcpy(tile->sum[r], sum, 16 * (size_t)vectors * sizeof(int32_t));
  }
}

#if MINKE_X86

// One multiplication of unsigned by signed bytes holds its pairs in 16 bits, where 255 * 127 twice would not fit. With
// the sign moved from x to w it does: 128 * 127 * 2 < 32768.
MINKE_TARGET_AVX2 MINKE_INLINE void sum_avx2(const uint8_t *x, size_t stride, const int8_t *panel, size_t groups,
                                             tile_sums *tile, const int rows, const int vectors) {
  __m256i sum[4][2];
  MINKE_UNROLL for (int r = 0; r < rows; r++) MINKE_UNROLL for (int v = 0; v < 2 * vectors; v++) sum[r][v] =
      _mm256_setzero_si256();
  const __m256i ones = _mm256_set1_epi16(1);
  for (size_t k = 0; k < groups; k++) {
    __m256i w[2];
    MINKE_UNROLL for (int v = 0; v < 2 * vectors; v++) w[v] =
        _mm256_loadu_si256((const __m256i *)(panel + 4 * MINKE_PANEL * k) + v);
    MINKE_UNROLL for (int r = 0; r < rows; r++) {
      int32_t four;
      memcpy(&four, x + (size_t)r * stride + 4 * k, 4);
      const __m256i a = _mm256_set1_epi32(four), magnitude = _mm256_abs_epi8(a);
      MINKE_UNROLL for (int v = 0; v < 2 * vectors; v++) {
        const __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(w[v], a));
        sum[r][v] = _mm256_add_epi32(sum[r][v], _mm256_madd_epi16(pairs, ones));
      }
    }
  }
  MINKE_UNROLL for (int r = 0; r < rows; r++) MINKE_UNROLL for (int v = 0; v < 2 * vectors; v++)
      _mm256_storeu_si256((__m256i *)tile->sum[r] + v, sum[r][v]);
}

MINKE_TARGET_AVX512 MINKE_INLINE void sum_avx512(const uint8_t *x, size_t stride, const int8_t *panel, size_t groups,
                                                 tile_sums *tile, const int rows, const int vectors) {
  __m512i sum[14][2];
  MINKE_UNROLL for (int r = 0; r < rows; r++) MINKE_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] =
      _mm512_setzero_si512();
  // As in the float32 product: a pointer for every third row.
  const uint8_t *base[5];
  MINKE_UNROLL for (int i = 0; i < 5; i++) base[i] = x + (3 * i < rows ? 3 * (size_t)i : 0) * stride;
  for (size_t k = 0; k < groups; k++) {
    __m512i w[2];
    MINKE_UNROLL for (int v = 0; v < vectors; v++) {
      w[v] = _mm512_loadu_si512(panel + 64 * v);
      MINKE_FETCH_AHEAD(panel + 64 * v);
    }
    MINKE_UNROLL for (int r = 0; r < rows; r++) {
      int32_t four;
      memcpy(&four, base[r / 3] + (size_t)(r % 3) * stride, 4);
      const __m512i a = _mm512_set1_epi32(four);
      MINKE_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = _mm512_dpbusd_epi32(sum[r][v], a, w[v]);
    }
    panel += 4 * MINKE_PANEL;
    MINKE_UNROLL for (int i = 0; i < 5; i++) if (3 * i < rows) {
      base[i] += 4;
      __asm__("" : "+r"(base[i]));
    }
  }
  MINKE_UNROLL for (int r = 0; r < rows; r++) MINKE_UNROLL for (int v = 0; v < vectors; v++)
      _mm512_storeu_si512(tile->sum[r] + 16 * v, sum[r][v]);
}

#elif MINKE_ARM64

MINKE_INLINE void sum_neon(const uint8_t *x, size_t stride, const int8_t *panel, size_t groups, tile_sums *tile,
                           const int rows, const int vectors) {
  int32x4_t sum[2][4];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < 4 * vectors; v++) sum[r][v] = vdupq_n_s32(0);
  for (size_t k = 0; k < groups; k++)
    for (int r = 0; r < rows; r++) {
      int32_t four;
      memcpy(&four, x + (size_t)r * stride + 4 * k, 4);
      const int8x16_t a = vreinterpretq_s8_s32(vdupq_n_s32(four));
      for (int v = 0; v < 4 * vectors; v++) {
        const int8x16_t w = vld1q_s8(panel + 4 * MINKE_PANEL * k + 16 * v);
        const int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(w), vget_low_s8(a)));
        const int32x4_t high = vpaddlq_s16(vmull_high_s8(w, a));
        sum[r][v] = vaddq_s32(sum[r][v], vpaddq_s32(low, high));
      }
    }
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < 4 * vectors; v++) vst1q_s32(tile->sum[r] + 4 * v, sum[r][v]);
}

MINKE_TARGET_DOTPROD MINKE_INLINE void sum_dotprod(const uint8_t *x, size_t stride, const int8_t *panel, size_t groups,
                                                   tile_sums *tile, const int rows, const int vectors) {
  int32x4_t sum[6][4];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < 4 * vectors; v++) sum[r][v] = vdupq_n_s32(0);
  for (size_t k = 0; k < groups; k++) {
    int8x16_t w[4];
    for (int v = 0; v < 4 * vectors; v++) w[v] = vld1q_s8(panel + 4 * MINKE_PANEL * k + 16 * v);
    for (int r = 0; r < rows; r++) {
      int32_t four;
      memcpy(&four, x + (size_t)r * stride + 4 * k, 4);
      const int8x16_t a = vreinterpretq_s8_s32(vdupq_n_s32(four));
      for (int v = 0; v < 4 * vectors; v++) sum[r][v] = vdotq_s32(sum[r][v], w[v], a);
    }
  }
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < 4 * vectors; v++) vst1q_s32(tile->sum[r] + 4 * v, sum[r][v]);
}

#endif

#define MINKE_ROWS(LEVEL, n, MOST, VECTORS)                                                                            \
  case n: sum_##LEVEL(x, stride, panel, stride / 4, &tile, n <= MOST ? n : 1, VECTORS); break;

// The loops of the float32 product around a level's tile of at most MOST rows times 16 VECTORS columns.
#define MINKE_INT8_LEVEL(LEVEL, TARGET, NAME, MOST, VECTORS)                                                           \
  TARGET static void multiply_##LEVEL(const minke_gemm_int8_call *g) {                                                 \
    const minke_transformer_kernels *transformer = minke_transformer(NAME);                                            \
    const size_t stride = minke_gemm_int8_depth(g->depth), tiles = (g->rows + MOST - 1) / MOST;                        \
    const size_t width = 16 * VECTORS;                                                                                 \
    tile_sums tile;                                                                                                    \
    for (size_t column = 0; column < g->columns; column += width) {                                                    \
      const int8_t *panel = g->panels + column / MINKE_PANEL * MINKE_PANEL * stride + column % MINKE_PANEL * 4;        \
      for (size_t i = 0; i < tiles; i++) {                                                                             \
        const size_t row = i * g->rows / tiles, count = (i + 1) * g->rows / tiles - row;                               \
        const uint8_t *x = g->x + row * stride;                                                                        \
        switch (count) {                                                                                               \
          MINKE_ROWS(LEVEL, 1, MOST, VECTORS)                                                                          \
          MINKE_ROWS(LEVEL, 2, MOST, VECTORS)                                                                          \
          MINKE_ROWS(LEVEL, 3, MOST, VECTORS)                                                                          \
          MINKE_ROWS(LEVEL, 4, MOST, VECTORS)                                                                          \
          MINKE_ROWS(LEVEL, 5, MOST, VECTORS)                                                                          \
          MINKE_ROWS(LEVEL, 6, MOST, VECTORS)                                                                          \
          MINKE_ROWS(LEVEL, 7, MOST, VECTORS)                                                                          \
          MINKE_ROWS(LEVEL, 8, MOST, VECTORS)                                                                          \
          MINKE_ROWS(LEVEL, 9, MOST, VECTORS)                                                                          \
          MINKE_ROWS(LEVEL, 10, MOST, VECTORS)                                                                         \
          MINKE_ROWS(LEVEL, 11, MOST, VECTORS)                                                                         \
          MINKE_ROWS(LEVEL, 12, MOST, VECTORS)                                                                         \
          MINKE_ROWS(LEVEL, 13, MOST, VECTORS)                                                                         \
          MINKE_ROWS(LEVEL, 14, MOST, VECTORS)                                                                         \
        }                                                                                                              \
        finish(g, &tile, row, count, column, width);                                                                   \
        if (g->activation == MINKE_GELU)                                                                               \
          transformer->gelu(g->y + row * g->y_stride + column, count,                                                  \
                            g->columns - column < width ? g->columns - column : width, g->y_stride);                   \
      }                                                                                                                \
    }                                                                                                                  \
  }

typedef uint8_t v16b __attribute__((vector_size(16)));

// Sixteen numbers of a row, or as many as there are, times their factors.
MINKE_INLINE v16 scaled(const float *x, const float *factors, size_t k, size_t depth) {
  if (depth - k >= 16) return factors ? load16(x + k) * load16(factors + k) : load16(x + k);
  const v16 v = load_some(x + k, depth - k);
  return factors ? v * load_some(factors + k, depth - k) : v;
}

MINKE_INLINE void quantize_rows(const float *x, size_t stride, const float *factors, size_t rows, size_t depth,
                                uint8_t *q, float *scales, int32_t *zeros, const int32_t lowest) {
  const size_t q_stride = minke_gemm_int8_depth(depth);
  const v16 magic = (v16){0} + 0x1.8p23f;
  for (size_t row = 0; row < rows; row++, x += stride, q += q_stride) {
    v16 least = {0}, greatest = {0}, broken = {0};
    for (size_t k = 0; k < depth; k += 16) {
      const v16 v = scaled(x, factors, k, depth);
      least = min16(v, least);
      greatest = max16(v, greatest);
      broken += v * 0.0f;
    }
    const float low = -largest16(-least), high = largest16(greatest);
    const float scale = (high - low) / 255.0f;
    const float inverse = scale > 0 ? 1.0f / scale : 0.0f;
    const int32_t zero = (scale < INFINITY ? (int32_t)rintf(-low * inverse) : 0) + lowest;
    scales[row] = scale + sum16(broken);
    zeros[row] = zero;
    for (size_t k = 0; k < depth; k += 16) {
      v16i n = (v16i)(scaled(x, factors, k, depth) * inverse + magic) - (v16i)magic + zero;
      const v16i below = n<lowest, above = n> lowest + 255;
      n = (n & ~below & ~above) | (lowest & below) | ((lowest + 255) & above);
      const v16b bytes = __builtin_convertvector(n, v16b);
      if (depth - k >= 16) memcpy(q + k, &bytes, 16);
      else memcpy(q + k, &bytes, depth - k);
    }
    for (size_t k = depth; k < q_stride; k++) q[k] = 0;
  }
}

static void pack(const float *w, size_t stride, size_t columns, size_t depth, int8_t *panels, float *scales,
                 int32_t *sums) {
  const size_t groups = minke_gemm_int8_depth(depth) / 4;
  for (size_t first = 0; first < columns; first += MINKE_PANEL, panels += 4 * MINKE_PANEL * groups) {
    memset(panels, 0, 4 * MINKE_PANEL * groups);
    for (size_t n = first; n < columns && n < first + MINKE_PANEL; n++) {
      const float *row = w + n * stride;
      float greatest = 0;
      for (size_t k = 0; k < depth; k++) greatest = fabsf(row[k]) > greatest ? fabsf(row[k]) : greatest;
      const float inverse = greatest > 0 ? 127.0f / greatest : 0.0f;
      int32_t sum = 0;
      for (size_t k = 0; k < depth; k++) {
        const int8_t q = (int8_t)rintf(row[k] * inverse);
        panels[4 * (MINKE_PANEL * (k / 4) + n - first) + k % 4] = q;
        sum += q;
      }
      scales[n] = greatest / 127.0f;
      sums[n] = sum;
    }
  }
}

#define MINKE_QUANTIZE_LEVEL(LEVEL, TARGET, LOWEST)                                                                    \
  TARGET static void quantize_##LEVEL(const float *x, size_t stride, const float *factors, size_t rows, size_t depth,  \
                                      uint8_t *q, float *scales, int32_t *zeros) {                                     \
    quantize_rows(x, stride, factors, rows, depth, q, scales, zeros, LOWEST);                                          \
  }

MINKE_INT8_LEVEL(portable, , MINKE_PORTABLE, 1, 2)
MINKE_QUANTIZE_LEVEL(portable, , -128)
#if MINKE_X86
MINKE_INT8_LEVEL(avx2, MINKE_TARGET_AVX2, MINKE_AVX2, 4, 1)
MINKE_QUANTIZE_LEVEL(avx2, MINKE_TARGET_AVX2, -128)
MINKE_INT8_LEVEL(avx512, MINKE_TARGET_AVX512, MINKE_AVX512, 14, 2)
MINKE_QUANTIZE_LEVEL(avx512, MINKE_TARGET_AVX512, 0)
#elif MINKE_ARM64
MINKE_INT8_LEVEL(neon, , MINKE_NEON, 2, 1)
MINKE_INT8_LEVEL(dotprod, MINKE_TARGET_DOTPROD, MINKE_NEON, 6, 1)
#endif

const minke_gemm_int8_kernels *minke_gemm_int8(minke_level level) {
  static const minke_gemm_int8_kernels portable = {multiply_portable, pack, quantize_portable};
#if MINKE_X86
  static const minke_gemm_int8_kernels avx2 = {multiply_avx2, pack, quantize_avx2};
  static const minke_gemm_int8_kernels avx512 = {multiply_avx512, pack, quantize_avx512};
  if (level == MINKE_AVX512) return &avx512;
  if (level == MINKE_AVX2) return &avx2;
#elif MINKE_ARM64
  static const minke_gemm_int8_kernels neon = {multiply_neon, pack, quantize_portable};
  static const minke_gemm_int8_kernels dotprod = {multiply_dotprod, pack, quantize_portable};
  if (level == MINKE_NEON) return minke_has_dotprod() ? &dotprod : &neon;
#endif
  return &portable;
}
