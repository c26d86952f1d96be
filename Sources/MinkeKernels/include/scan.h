// Exhaustive scans over blocks of vectors, for exact nearest-neighbor search.
//
// A block holds 16 vectors as rows of 64 bytes: row r has 4 bytes of each vector, side by side. Those 4 bytes are one
// float, 4 int8 numbers or 32 bits. A lane of a register so belongs to one vector from the first row to the last, and
// no sum ever crosses lanes.
//
// A tile is 1, 2, 4, 8 or 16 queries, interleaved in the same way: 4 bytes of each query for row 0, then for row 1, ...
//
// Every scan writes scores[q * stride + 16 * b + lane], larger is closer, for query q of the tile and block b. The
// score of a pair does not depend on what else is in the tile or on how many blocks are scanned at once.
#ifndef MINKE_SCAN_H
#define MINKE_SCAN_H

#include "levels.h"

enum { MINKE_BLOCK_VECTORS = 16, MINKE_BLOCK_ROW_BYTES = 64, MINKE_TILE_QUERIES = 16 };

/// A tile of int8 queries: their numbers, a scale for each, and 128 times the sum of the numbers of each.
typedef struct minke_int8_tile {
  const uint32_t *words;
  const float *scales;
  const int32_t *offsets;
} minke_int8_tile;

typedef struct minke_scan_kernels {
  /// Dot products, each summed from the first row to the last. `blocks` is on a 64-byte boundary, here and below.
  void (*dot)(const float *blocks, size_t block_count, size_t rows, const float *tile, size_t query_count,
              float *scores, size_t stride);

  /// Dot products of int8 numbers, scaled: (sum * scales[16 * b + lane]) * tile.scales[q]. A block holds its numbers
  /// with 128 added. Sums must fit 32 bits with the 128.
  void (*dot_int8)(const uint8_t *blocks, const float *scales, size_t block_count, size_t rows, minke_int8_tile tile,
                   size_t query_count, float *scores, size_t stride);

  /// Numbers of differing bits, negated.
  void (*hamming)(const uint32_t *blocks, size_t block_count, size_t rows, const uint32_t *tile, size_t query_count,
                  float *scores, size_t stride);

  /// The positions of scores that are not below `threshold` (NaN is not), ascending; returns how many. `count` is a
  /// multiple of 16 and `hits` has room for all.
  size_t (*select)(const float *scores, size_t count, float threshold, uint32_t *hits);

  /// The dot product of two rows of `count` floats.
  float (*row_dot)(const float *a, const float *b, size_t count);

  /// The dot product of two rows of `count` int8 numbers.
  int32_t (*row_dot_int8)(const int8_t *a, const int8_t *b, size_t count);

  /// The exclusive or of all 64-bit words: a plain read, as fast as memory gives. `bytes` is a multiple of 512.
  uint64_t (*read)(const void *memory, size_t bytes);
} minke_scan_kernels;

const minke_scan_kernels *minke_scan(minke_level level);

#endif
