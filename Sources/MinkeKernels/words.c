#include "words.h"

#include "vector.h"

typedef uint32_t v4u __attribute__((vector_size(16)));
typedef uint32_t v4u_unaligned __attribute__((vector_size(16), aligned(1), may_alias));

void minke_words_pack(const uint32_t *numbers, unsigned width, uint8_t *packed) {
  uint32_t words[4 * 33] = {0};
  for (unsigned i = 0; i < MINKE_WORDS_BLOCK; i++) {
    const unsigned bit = i / 4 * width, lane = i % 4;
    const uint64_t shifted = (uint64_t)numbers[i] << (bit % 32);
    words[bit / 32 * 4 + lane] |= (uint32_t)shifted;
    words[(bit / 32 + 1) * 4 + lane] |= (uint32_t)(shifted >> 32);
  }
  memcpy(packed, words, 16 * (size_t)width);
}

// Row `row` of four numbers. With constants for row and width only the loads and shifts that it needs remain.
MINKE_INLINE v4u row_of(const uint8_t *packed, const unsigned width, const unsigned row) {
  if (width == 0) return (v4u){0};
  const unsigned bit = row * width, shift = bit % 32;
  const v4u_unaligned *words = (const v4u_unaligned *)packed + bit / 32;
  v4u value = words[0] >> shift;
  if (shift + width > 32) value |= words[1] << (32 - shift);
  return width == 32 ? value : value & ((1u << width) - 1);
}

MINKE_INLINE void unpack(const uint8_t *packed, const unsigned width, uint32_t *numbers) {
#pragma clang loop unroll(full)
  for (unsigned row = 0; row < 32; row++) *(v4u_unaligned *)(numbers + 4 * row) = row_of(packed, width, row);
}

MINKE_INLINE uint32_t unpack_ascending(const uint8_t *packed, const unsigned width, uint32_t before,
                                       uint32_t *numbers) {
  const v4u none = {0};
  v4u last = none + before;
#pragma clang loop unroll(full)
  for (unsigned row = 0; row < 32; row++) {
    v4u steps = row_of(packed, width, row) + 1;
    steps += __builtin_shufflevector(none, steps, 0, 4, 5, 6);
    steps += __builtin_shufflevector(none, steps, 0, 1, 4, 5);
    const v4u sums = steps + last;
    *(v4u_unaligned *)(numbers + 4 * row) = sums;
    last = __builtin_shufflevector(sums, sums, 3, 3, 3, 3);
  }
  return last[0];
}

// One case a width, so that every shift is a constant.
#define WIDTHS(CASE)                                                                                                   \
  CASE(0)                                                                                                              \
  CASE(1)                                                                                                              \
  CASE(2)                                                                                                              \
  CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14) CASE(15)        \
      CASE(16) CASE(17) CASE(18) CASE(19) CASE(20) CASE(21) CASE(22) CASE(23) CASE(24) CASE(25) CASE(26) CASE(27)      \
          CASE(28) CASE(29) CASE(30) CASE(31) CASE(32)

void minke_words_unpack(const uint8_t *packed, unsigned width, uint32_t *numbers) {
#define CASE(w)                                                                                                        \
  case w: unpack(packed, w, numbers); return;
  switch (width) { WIDTHS(CASE) }
#undef CASE
}

uint32_t minke_words_unpack_ascending(const uint8_t *packed, unsigned width, uint32_t before, uint32_t *numbers) {
#define CASE(w)                                                                                                        \
  case w: return unpack_ascending(packed, w, before, numbers);
  switch (width) { WIDTHS(CASE) }
#undef CASE
  return before;
}

MINKE_INLINE uint32_t score(uint32_t frequency, uint32_t length, const minke_words_scale *scale, float weight) {
  const size_t known = length < scale->norm_count ? length : scale->norm_count - 1;
  if (frequency < 16 && known < scale->table_lengths)
    return (uint32_t)(int32_t)(weight * scale->table[frequency * scale->table_lengths + known]) + 1;
  const float value = (float)frequency / ((float)frequency + scale->norms[known]);
  return (uint32_t)(int32_t)(weight * value) + 1;
}

MINKE_INLINE uint32_t length_at(const void *lengths, const unsigned bytes, uint32_t place) {
  if (bytes == 1) return ((const uint8_t *)lengths)[place];
  if (bytes == 2) return ((const uint16_t *)lengths)[place];
  return ((const uint32_t *)lengths)[place];
}

// `sums` gets sums by place, `scores` scores by index; the other is null.
MINKE_INLINE void add_or_list(const uint32_t *ordinals, const uint32_t *frequencies, size_t count, uint32_t first,
                              uint32_t size, const void *lengths, const unsigned bytes, const minke_words_scale *scale,
                              float weight, uint32_t *sums, uint32_t *scores) {
  const minke_words_scale copy = *scale;
  for (size_t i = 0; i < count; i++) {
    const uint32_t place = ordinals[i] - first;
    if (scores) scores[i] = 0;
    if (place >= size) continue;
    const uint32_t value = score(frequencies[i], length_at(lengths, bytes, place), &copy, weight);
    if (scores) scores[i] = value;
    else sums[place] += value;
  }
}

void minke_words_scores(const uint32_t *ordinals, const uint32_t *frequencies, size_t count, uint32_t first,
                        uint32_t size, const void *lengths, unsigned length_bytes, const minke_words_scale *scale,
                        float weight, uint32_t *scores) {
  switch (length_bytes) {
    case 1: add_or_list(ordinals, frequencies, count, first, size, lengths, 1, scale, weight, NULL, scores); break;
    case 2: add_or_list(ordinals, frequencies, count, first, size, lengths, 2, scale, weight, NULL, scores); break;
    default: add_or_list(ordinals, frequencies, count, first, size, lengths, 4, scale, weight, NULL, scores);
  }
}

void minke_words_add(const uint32_t *ordinals, const uint32_t *frequencies, size_t count, uint32_t first, uint32_t size,
                     const void *lengths, unsigned length_bytes, const minke_words_scale *scale, float weight,
                     uint32_t *sums) {
  switch (length_bytes) {
    case 1: add_or_list(ordinals, frequencies, count, first, size, lengths, 1, scale, weight, sums, NULL); break;
    case 2: add_or_list(ordinals, frequencies, count, first, size, lengths, 2, scale, weight, sums, NULL); break;
    default: add_or_list(ordinals, frequencies, count, first, size, lengths, 4, scale, weight, sums, NULL);
  }
}

static size_t take_portable(uint32_t *sums, size_t count, uint32_t limit, uint32_t *places, uint32_t *found) {
  const int32_t least = (int32_t)limit;
  size_t taken = 0;
  for (size_t i = 0; i < count; i += 16) {
    int32_t any = 0;
    for (size_t lane = 0; lane < 16; lane++) any |= (int32_t)sums[i + lane] >= least;
    if (any) {
      for (size_t lane = 0; lane < 16; lane++) {
        places[taken] = (uint32_t)(i + lane);
        found[taken] = sums[i + lane];
        taken += (int32_t)sums[i + lane] >= least;
      }
    }
    memset(sums + i, 0, 16 * sizeof *sums);
  }
  return taken;
}

void minke_words_bounds(const uint8_t *notes, size_t count, const float *frequencies, const float *norms, float weight,
                        uint32_t *bounds) {
  for (size_t i = 0; i < count; i++, notes += 8) {
    float most = 0;
    for (size_t pair = 2; pair < 8; pair += 2) {
      const float frequency = frequencies[notes[pair]];
      const float value = frequency / (frequency + norms[notes[pair + 1]]);
      most = value > most ? value : most;
    }
    // Above what rounding can make of a score.
    bounds[i] = (uint32_t)(int32_t)(weight * most * (1 + 0x1p-20f)) + 2;
  }
}

static size_t find_portable(const uint32_t *ordinals, size_t from, uint32_t ordinal) {
  size_t chunk = from & ~(size_t)15;
  while (chunk < MINKE_WORDS_BLOCK - 16 && ordinals[chunk + 15] < ordinal) chunk += 16;
  // How many of the sixteen are smaller, without a branch that could be guessed wrong.
  uint32_t smaller = 0;
  for (size_t lane = 0; lane < 16; lane++) smaller += (int32_t)ordinals[chunk + lane] < (int32_t)ordinal;
  return chunk + smaller;
}

#if MINKE_X86
#include <immintrin.h>

MINKE_TARGET_AVX2 static size_t take_avx2(uint32_t *sums, size_t count, uint32_t limit, uint32_t *places,
                                          uint32_t *found) {
  const __m256i below = _mm256_set1_epi32((int32_t)limit - 1), none = _mm256_setzero_si256();
  size_t taken = 0;
  for (size_t i = 0; i < count; i += 16) {
    __m256i *halves = (__m256i *)(sums + i);
    const __m256i first = _mm256_cmpgt_epi32(_mm256_loadu_si256(halves), below);
    const __m256i second = _mm256_cmpgt_epi32(_mm256_loadu_si256(halves + 1), below);
    const __m256i any = _mm256_or_si256(first, second);
    if (!_mm256_testz_si256(any, any)) {
      unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(first)) |
                      (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(second)) << 8;
      for (; mask; mask &= mask - 1, taken++) {
        const size_t place = i + (size_t)__builtin_ctz(mask);
        places[taken] = (uint32_t)place;
        found[taken] = sums[place];
      }
    }
    _mm256_storeu_si256(halves, none);
    _mm256_storeu_si256(halves + 1, none);
  }
  return taken;
}

MINKE_TARGET_AVX2 static size_t find_avx2(const uint32_t *ordinals, size_t from, uint32_t ordinal) {
  size_t chunk = from & ~(size_t)15;
  while (chunk < MINKE_WORDS_BLOCK - 16 && ordinals[chunk + 15] < ordinal) chunk += 16;
  const __m256i wanted = _mm256_set1_epi32((int32_t)ordinal), *halves = (const __m256i *)(ordinals + chunk);
  const __m256i first = _mm256_cmpgt_epi32(wanted, _mm256_loadu_si256(halves));
  const __m256i second = _mm256_cmpgt_epi32(wanted, _mm256_loadu_si256(halves + 1));
  const unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(first)) |
                        (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(second)) << 8;
  return chunk + (size_t)__builtin_popcount(mask);
}
#endif

const minke_words_kernels *minke_words(minke_level level) {
  static const minke_words_kernels portable = {take_portable, find_portable};
#if MINKE_X86
  static const minke_words_kernels avx2 = {take_avx2, find_avx2};
  if (level == MINKE_AVX2 || level == MINKE_AVX512) return &avx2;
#endif
  (void)level;
  return &portable;
}
