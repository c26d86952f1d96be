// Times the matrix products of every level beside the machine's own peak of fused multiply-adds.
//
//   cd Benchmarks && clang -O2 -std=c17 -I ../Sources/MinkeKernels/include gemm.c \
//     ../Sources/MinkeKernels/{gemm,gemm_int8,transformer,levels}.c -lm -o /tmp/gemm && /tmp/gemm
//
// Times are processor time, the best of many runs, the peak measured between them; one thread.
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gemm.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// GFLOP/s of 12 independent chains of multiply-adds as wide as the level's registers.
#define PEAK(NAME, TARGET, LANES)                                                                                      \
  TARGET static double NAME(void) {                                                                                    \
    typedef float vector __attribute__((vector_size(4 * LANES)));                                                      \
    vector sum[12], a = (vector){0} + 0.999f, b = (vector){0} + 0.001f;                                                \
    for (int i = 0; i < 12; i++) sum[i] = (vector){0} + (float)i;                                                      \
    const double start = now();                                                                                        \
    for (int k = 0; k < 200000; k++) {                                                                                 \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < 12; i++) sum[i] = sum[i] * a + b;                         \
      __asm__ volatile("" ::: "memory");                                                                               \
    }                                                                                                                  \
    const double seconds = now() - start;                                                                              \
    volatile float kept = 0;                                                                                           \
    for (int i = 0; i < 12; i++) kept += sum[i][0];                                                                    \
    return 12.0 * 2 * LANES * 200000 / seconds / 1e9;                                                                  \
  }

PEAK(peak_128, , 4)
#if MINKE_X86
PEAK(peak_256, MINKE_TARGET_AVX2, 8)
PEAK(peak_512, MINKE_TARGET_AVX512, 16)
#endif

static double peak(minke_level level) {
#if MINKE_X86
  if (level == MINKE_AVX512) return peak_512();
  if (level == MINKE_AVX2) return peak_256();
#endif
  (void)level;
  return peak_128();
}

static float *numbers(size_t count) {
  float *x = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
  for (size_t i = 0; i < count; i++) x[i] = (float)(rand() % 2001 - 1000) / 1000;
  return x;
}

static void measure(minke_level level, const char *name, size_t rows, size_t columns, size_t depth) {
  const minke_gemm_kernels *gemm = minke_gemm(level);
  const minke_gemm_int8_kernels *int8 = minke_gemm_int8(level);
  float *x = numbers(rows * depth), *w = numbers(columns * depth), *bias = numbers(columns),
        *y = numbers(rows * columns);
  float *panels = numbers(minke_gemm_panel_count(columns, depth));
  gemm->pack(w, depth, columns, depth, panels);
  const minke_gemm_call call = {.rows = rows,
                                .columns = columns,
                                .depth = depth,
                                .x = x,
                                .x_stride = depth,
                                .panels = panels,
                                .bias = bias,
                                .y = y,
                                .y_stride = columns};
  const size_t wide = minke_gemm_int8_depth(depth);
  int8_t *bytes = (int8_t *)numbers(minke_gemm_panel_count(columns, wide) / 4 + 1);
  uint8_t *q = (uint8_t *)numbers(rows * wide / 4 + 1);
  float *x_scales = numbers(rows), *w_scales = numbers(columns);
  int32_t *x_zeros = (int32_t *)numbers(rows), *w_sums = (int32_t *)numbers(columns);
  int8->pack(w, depth, columns, depth, bytes, w_scales, w_sums);
  const minke_gemm_int8_call int8_call = {.rows = rows,
                                          .columns = columns,
                                          .depth = depth,
                                          .x = q,
                                          .x_scales = x_scales,
                                          .x_zeros = x_zeros,
                                          .panels = bytes,
                                          .w_scales = w_scales,
                                          .w_sums = w_sums,
                                          .bias = bias,
                                          .y = y,
                                          .y_stride = columns};
  const double work = 2.0 * (double)rows * (double)columns * (double)depth / 1e9;
  double best[3] = {0};
  for (int run = 0; run < 40; run++) {
    const double fused = peak(level);
    if (fused > best[0]) best[0] = fused;
    double start = now();
    gemm->multiply(&call);
    double rate = work / (now() - start);
    if (rate > best[1]) best[1] = rate;
    start = now();
    int8->quantize(x, depth, NULL, rows, depth, q, x_scales, x_zeros);
    int8->multiply(&int8_call);
    rate = work / (now() - start);
    if (rate > best[2]) best[2] = rate;
  }
  printf("%-8s %4zu x %4zu x %4zu  float32 %6.1f GFLOP/s, %3.0f%% of the peak %6.1f   int8 with rounding %6.1f Gop/s\n",
         name, rows, columns, depth, best[1], 100 * best[1] / best[0], best[0], best[2]);
  void *all[] = {x, w, bias, y, panels, bytes, q, x_scales, w_scales, x_zeros, w_sums};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

int main(void) {
  const char *names[] = {"portable", "avx2", "avx512", "neon"};
  const size_t shapes[][3] = {{512, 384, 1536}, {512, 1536, 384}, {200, 1152, 384}, {25, 384, 1536}, {1, 384, 1536}};
  for (int level = MINKE_PORTABLE; level <= MINKE_NEON; level++) {
    if (!minke_level_available((minke_level)level)) continue;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
      measure((minke_level)level, names[level], shapes[i][0], shapes[i][1], shapes[i][2]);
  }
}
