#include "gemm.h"

#include "transformer.h"
#include "vector.h"

// Left alone, the compiler loads the factors of later k early, for which there are no registers.
#define MINKE_KEEP_ORDER __asm__ volatile("" ::: "memory")

// Adds x[rows, k] * w[k, vectors x 16] to the sums.
MINKE_INLINE void step(v16 sum[14][4], const float *const x[5], size_t stride, const float *panel, size_t next_panel,
                       int k, const int rows, const int vectors) {
  v16 w[4];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    const float *from = panel + (size_t)(v / 2) * next_panel + 16 * (v % 2);
    w[v] = load16(from);
    MINKE_FETCH_AHEAD(from);
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    const float factor = x[r / 3][(size_t)(r % 3) * stride + (size_t)k];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sum[r][v] += factor * w[v];
  }
}

MINKE_INLINE void advance(const float *x[5], size_t count, const int rows) {
#pragma clang loop unroll(full)
  for (int i = 0; i < 5; i++)
    if (3 * i < rows) {
      x[i] += count;
      // The compiler would otherwise find out that the pointers are related, and make fourteen of them.
      __asm__("" : "+r"(x[i]));
    }
}

// A tile is `rows` rows of y times `vectors` x 16 columns, kept in registers over the whole depth. Inlined with constant
// `rows` and `vectors`, all its loops but the one over k disappear. The panels of one tile are `depth` * 32 apart.
MINKE_INLINE void tile(const minke_gemm_call *g, size_t row, size_t column, const int rows, const int vectors) {
  const size_t depth = g->depth, stride = g->x_stride;
  const float *panel = g->panels + column / MINKE_PANEL * MINKE_PANEL * depth + column % MINKE_PANEL;
  const size_t next_panel = MINKE_PANEL * depth;
  v16 sum[14][4];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    const size_t first = column + 16 * (size_t)v;
    v16 start = {0};
    if (g->bias && first < g->columns)
      start = first + 16 <= g->columns ? load16(g->bias + first) : load_some(g->bias + first, g->columns - first);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      sum[r][v] = start;
      if (g->adding && first < g->columns) {
        const float *y = g->y + (row + (size_t)r) * g->y_stride + first;
        sum[r][v] = first + 16 <= g->columns ? load16(y) : load_some(y, g->columns - first);
      }
    }
  }
  // Every third row has a pointer of its own and the two rows after it are one and two strides away, which one address
  // can express; fourteen pointers would not fit into the registers.
  const float *x[5];
#pragma clang loop unroll(full)
  for (int i = 0; i < 5; i++) x[i] = g->x + (row + (3 * i < rows ? 3 * (size_t)i : 0)) * stride;
  size_t k = 0;
  for (; k + 4 <= depth; k += 4) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
      step(sum, x, stride, panel + MINKE_PANEL * i, next_panel, i, rows, vectors);
      MINKE_KEEP_ORDER;
    }
    panel += 4 * MINKE_PANEL;
    advance(x, 4, rows);
  }
  for (; k < depth; k++) {
    step(sum, x, stride, panel, next_panel, 0, rows, vectors);
    panel += MINKE_PANEL;
    advance(x, 1, rows);
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    float *y = g->y + (row + (size_t)r) * g->y_stride + column;
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      const size_t first = column + 16 * (size_t)v;
      if (first + 16 <= g->columns) store16(y + 16 * v, sum[r][v]);
      else if (first < g->columns) store_some(y + 16 * v, sum[r][v], g->columns - first);
    }
  }
}

// `count` rows, at most `limit` of 14, in tiles of constant size.
MINKE_INLINE void tile_of(const minke_gemm_call *g, size_t row, size_t count, size_t column, const int limit,
                          const int vectors) {
#define MINKE_ROWS(n)                                                                                                  \
  case n:                                                                                                              \
    if (n <= limit) tile(g, row, column, n <= limit ? n : 1, vectors);                                                 \
    break;
  switch (count) {
    MINKE_ROWS(1)
    MINKE_ROWS(2)
    MINKE_ROWS(3)
    MINKE_ROWS(4)
    MINKE_ROWS(5)
    MINKE_ROWS(6)
    MINKE_ROWS(7)
    MINKE_ROWS(8)
    MINKE_ROWS(9)
    MINKE_ROWS(10)
    MINKE_ROWS(11)
    MINKE_ROWS(12)
    MINKE_ROWS(13)
    MINKE_ROWS(14)
  }
#undef MINKE_ROWS
}

// The panels outside, the rows inside: each panel is read once from far memory and stays near for all rows. The rows
// are spread evenly over as few tiles as there must be. Up to `few` rows take twice the columns at once, since the
// processor needs that many sums side by side to hide the time one takes.
MINKE_INLINE void multiply(const minke_gemm_call *g, const int most, const int vectors, const int few,
                           const minke_transformer_kernels *transformer) {
  const size_t tiles = (g->rows + (size_t)most - 1) / (size_t)most;
  size_t width;
  for (size_t column = 0; column < g->columns; column += width) {
    const size_t left = g->columns - column;
    // Twice the columns must not reach into a panel that does not exist.
    const bool wide = g->rows <= (size_t)few && (32 * vectors <= MINKE_PANEL || left > MINKE_PANEL);
    width = 16 * (size_t)vectors * (wide ? 2 : 1);
    for (size_t i = 0; i < tiles; i++) {
      const size_t row = i * g->rows / tiles, count = (i + 1) * g->rows / tiles - row;
      if (wide) tile_of(g, row, count, column, few, 2 * vectors);
      else tile_of(g, row, count, column, most, vectors);
      if (g->activation == MINKE_GELU)
        transformer->gelu(g->y + row * g->y_stride + column, count, left < width ? left : width, g->y_stride);
    }
  }
}

static void multiply_portable(const minke_gemm_call *g) { multiply(g, 2, 1, 1, minke_transformer(MINKE_PORTABLE)); }
#if MINKE_X86
MINKE_TARGET_AVX2 static void multiply_avx2(const minke_gemm_call *g) {
  multiply(g, 6, 1, 3, minke_transformer(MINKE_AVX2));
}
MINKE_TARGET_AVX512 static void multiply_avx512(const minke_gemm_call *g) {
  multiply(g, 14, 2, 6, minke_transformer(MINKE_AVX512));
}
#elif MINKE_ARM64
static void multiply_neon(const minke_gemm_call *g) { multiply(g, 6, 1, 3, minke_transformer(MINKE_NEON)); }
#endif

static void pack(const float *w, size_t stride, size_t columns, size_t depth, float *panels) {
  for (size_t first = 0; first < columns; first += MINKE_PANEL, panels += MINKE_PANEL * depth) {
    const size_t count = columns - first < MINKE_PANEL ? columns - first : MINKE_PANEL;
    if (count < MINKE_PANEL) memset(panels, 0, MINKE_PANEL * depth * sizeof(float));
    // Sixteen k at a time: one cache line of each row, written as sixteen groups of lines that are still near.
    for (size_t k = 0; k < depth; k += 16) {
      const size_t end = k + 16 < depth ? k + 16 : depth;
      for (size_t n = 0; n < count; n++)
        for (size_t i = k; i < end; i++) panels[i * MINKE_PANEL + n] = w[(first + n) * stride + i];
    }
  }
}

static void pack_transposed(const float *w, size_t stride, size_t columns, size_t depth, float *panels) {
  for (size_t first = 0; first < columns; first += MINKE_PANEL) {
    const size_t count = columns - first < MINKE_PANEL ? columns - first : MINKE_PANEL;
    for (size_t k = 0; k < depth; k++, panels += MINKE_PANEL) {
      memcpy(panels, w + k * stride + first, count * sizeof(float));
      if (count < MINKE_PANEL) memset(panels + count, 0, (MINKE_PANEL - count) * sizeof(float));
    }
  }
}

const minke_gemm_kernels *minke_gemm(minke_level level) {
  static const minke_gemm_kernels portable = {multiply_portable, pack, pack_transposed};
#if MINKE_X86
  static const minke_gemm_kernels avx2 = {multiply_avx2, pack, pack_transposed};
  static const minke_gemm_kernels avx512 = {multiply_avx512, pack, pack_transposed};
  if (level == MINKE_AVX512) return &avx512;
  if (level == MINKE_AVX2) return &avx2;
#elif MINKE_ARM64
  static const minke_gemm_kernels neon = {multiply_neon, pack, pack_transposed};
  if (level == MINKE_NEON) return &neon;
#endif
  return &portable;
}
