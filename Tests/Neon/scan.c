#include "check.h"

static void check_scans(size_t rows, size_t block_count, size_t query_count) {
  const minke_scan_kernels *portable = minke_scan(MINKE_PORTABLE), *neon = minke_scan(MINKE_NEON);
  const size_t vectors = 16 * block_count, stride = vectors + 16, count = stride * query_count;
  const size_t words = vectors * rows;
  float *a = room(count), *b = room(count);

  const float *blocks = numbers(words), *tile = numbers(rows * query_count);
  float *query = take(rows * sizeof(float)), *alone = room(16);
  expectation exact = expect(count);
  bool independent = true;
  about("dot of %zu rows, %zu blocks, %zu queries", rows, block_count, query_count);
  neon->dot(blocks, block_count, rows, tile, query_count, b, stride);
  for (size_t q = 0; q < query_count; q++) {
    for (size_t r = 0; r < rows; r++) query[r] = tile[r * query_count + q];
    for (size_t v = 0; v < vectors; v++) {
      const float *vector = blocks + v / 16 * 16 * rows + v % 16;
      double sum = 0, magnitude = 0;
      for (size_t r = 0; r < rows; r++) {
        sum += (double)query[r] * vector[16 * r];
        magnitude += fabs((double)query[r] * vector[16 * r]);
      }
      put(exact, q * stride + v, sum, 2 * (double)rows * EPSILON * magnitude);
    }
    for (size_t block = 0; block < block_count; block++) {
      neon->dot(blocks + block * 16 * rows, 1, rows, query, 1, alone, 16);
      independent = independent && same(alone, b + q * stride + 16 * block, 16 * sizeof(float));
    }
  }
  check(meets(b, exact));
  about("dot of each pair alone of %zu rows, %zu blocks, %zu queries", rows, block_count, query_count);
  check(independent);

  const uint8_t *byte_blocks = random_bytes(4 * words);
  const int8_t *queries = random_bytes(4 * rows * query_count);
  const float *scales = numbers(vectors), *query_scales = numbers(query_count);
  int32_t *offsets = take(query_count * sizeof(int32_t));
  for (size_t q = 0; q < query_count; q++) {
    offsets[q] = 0;
    for (size_t i = 0; i < 4 * rows; i++) offsets[q] += 128 * queries[4 * (i / 4 * query_count + q) + i % 4];
  }
  const minke_int8_tile byte_tile = {(const uint32_t *)(const void *)queries, query_scales, offsets};
  about("dot_int8 of %zu rows, %zu blocks, %zu queries", rows, block_count, query_count);
  a = room(count), b = room(count);
  portable->dot_int8(byte_blocks, scales, block_count, rows, byte_tile, query_count, a, stride);
  neon->dot_int8(byte_blocks, scales, block_count, rows, byte_tile, query_count, b, stride);
  check(same(a, b, count * sizeof(float)));

  const uint32_t *bit_blocks = random_bytes(4 * words), *bit_tile = random_bytes(4 * rows * query_count);
  about("hamming of %zu rows, %zu blocks, %zu queries", rows, block_count, query_count);
  a = room(count), b = room(count);
  portable->hamming(bit_blocks, block_count, rows, bit_tile, query_count, a, stride);
  neon->hamming(bit_blocks, block_count, rows, bit_tile, query_count, b, stride);
  check(same(a, b, count * sizeof(float)));
  give_back();
}

void check_scan(void) {
  const minke_scan_kernels *portable = minke_scan(MINKE_PORTABLE), *neon = minke_scan(MINKE_NEON);
  EACH(size_t, rows, 0, 1, 2, 3, 30, 31, 32, 62, 63, 100) {
    EACH(size_t, block_count, 0, 1, 2, 3, 5) {
      EACH(size_t, query_count, 1, 2, 4, 8, 16) check_scans(rows, block_count, query_count);
    }
  }
  EACH(size_t, count, 0, 16, 32, 48, 160) {
    EACH(float, threshold, -2, -0.5f, 0, 0.5f, 2, -INFINITY, INFINITY, NAN) {
      about("select of %zu not below %g", count, (double)threshold);
      float *scores = numbers(count);
      for (size_t i = 0; i < count; i += 7) scores[i] = i % 2 ? NAN : threshold;
      uint32_t *a = take(count * 4), *b = take(count * 4);
      const size_t found = portable->select(scores, count, threshold, a);
      check(neon->select(scores, count, threshold, b) == found && same(a, b, found * 4));
      give_back();
    }
  }
  EACH(size_t, count, 0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 1000) {
    const float *a = numbers(count), *b = numbers(count);
    double sum = 0, magnitude = 0;
    for (size_t i = 0; i < count; i++) {
      sum += (double)a[i] * b[i];
      magnitude += fabs((double)a[i] * b[i]);
    }
    expectation exact = expect(1);
    put(exact, 0, sum, 2 * (double)count * EPSILON * magnitude);
    about("row_dot of %zu", count);
    const float found = neon->row_dot(a, b, count);
    check(meets(&found, exact));
    const int8_t *c = random_bytes(count), *d = random_bytes(count);
    about("row_dot_int8 of %zu", count);
    check(neon->row_dot_int8(c, d, count) == portable->row_dot_int8(c, d, count));
    about("read of %zu", 512 * count);
    const void *memory = random_bytes(512 * count);
    check(neon->read(memory, 512 * count) == portable->read(memory, 512 * count));
    give_back();
  }
}
