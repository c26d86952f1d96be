// Loops of the search by words: numbers packed in few bits, and sums of scores over a window of passages.
#ifndef MINKE_WORDS_H
#define MINKE_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "levels.h"

/// How many numbers are packed together.
#define MINKE_WORDS_BLOCK 128

/// Packs 128 numbers below 2^width into 16 * width bytes: number i lies in lane i % 4 of four streams of 32-bit words, in
/// its bits from i / 4 * width on.
void minke_words_pack(const uint32_t *numbers, unsigned width, uint8_t *packed);

/// The 128 numbers that lie packed at any address; width is at most 32.
void minke_words_unpack(const uint8_t *packed, unsigned width, uint32_t *numbers);

/// The 128 ascending numbers whose gaps are packed: each is the one before, plus its gap, plus 1; `before` comes before
/// the first. Returns the last of them. Sums wrap round.
uint32_t minke_words_unpack_ascending(const uint8_t *packed, unsigned width, uint32_t before, uint32_t *numbers);

/// How a frequency f in a passage of a length counts: f / (f + norms[length]), of which the common ones stand in a table.
typedef struct minke_words_scale {
  /// [16, table_lengths]: the value for each frequency below 16 and length below table_lengths.
  const float *table;
  size_t table_lengths;
  /// [norm_count]: a length beyond the last counts as the last.
  const float *norms;
  size_t norm_count;
} minke_words_scale;

/// scores[i] = weight * the scale's value of frequencies[i] and the length of passage ordinals[i], as the next whole
/// number above; 0 where ordinals[i] is not among the `size` from `first` on. lengths holds one number of length_bytes (1, 2 or 4) for each
/// of these.
void minke_words_scores(const uint32_t *ordinals, const uint32_t *frequencies, size_t count, uint32_t first,
                        uint32_t size, const void *lengths, unsigned length_bytes, const minke_words_scale *scale,
                        float weight, uint32_t *scores);

/// The same, added to sums[ordinals[i] - first].
void minke_words_add(const uint32_t *ordinals, const uint32_t *frequencies, size_t count, uint32_t first, uint32_t size,
                     const void *lengths, unsigned length_bytes, const minke_words_scale *scale, float weight,
                     uint32_t *sums);

/// bounds[i] = a number that no score in group i is above. Notes are 8 bytes a group: two that are passed over, then three
/// pairs of codes, of a frequency and of a length; no posting counts more than one of the pairs. frequencies and norms
/// have the values of the 256 codes.
void minke_words_bounds(const uint8_t *notes, size_t count, const float *frequencies, const float *norms, float weight,
                        uint32_t *bounds);

typedef struct minke_words_kernels {
  /// Writes the places of those of `count` sums that are at least `limit`, which is above 0, and these sums; sets all
  /// sums to 0. Returns how many. count is a multiple of 16; sums are below 2^31. Both results have room for count.
  size_t (*take)(uint32_t *sums, size_t count, uint32_t limit, uint32_t *places, uint32_t *found);

  /// The place of the first of 128 ascending numbers below 2^31 that is `ordinal` or more, 128 where there is none; no
  /// place before `from` has one.
  size_t (*find)(const uint32_t *ordinals, size_t from, uint32_t ordinal);
} minke_words_kernels;

/// The kernels of `level` that gain from it; the loops above are the same at every level.
const minke_words_kernels *minke_words(minke_level level);

#endif
