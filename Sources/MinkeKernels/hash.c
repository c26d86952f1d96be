#include "hash.h"

#include <stdbool.h>
#include <string.h>

// The names and constants are those of RFC 7693.

static const uint64_t iv[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const uint8_t sigma[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

static inline uint64_t rotated(uint64_t x, int bits) { return x >> bits | x << (64 - bits); }

#define G(a, b, c, d, x, y)                                                                                            \
  do {                                                                                                                 \
    a = a + b + (x);                                                                                                   \
    d = rotated(d ^ a, 32);                                                                                            \
    c = c + d;                                                                                                         \
    b = rotated(b ^ c, 24);                                                                                            \
    a = a + b + (y);                                                                                                   \
    d = rotated(d ^ a, 16);                                                                                            \
    c = c + d;                                                                                                         \
    b = rotated(b ^ c, 63);                                                                                            \
  } while (0)

static void compress(uint64_t h[8], const uint8_t block[128], uint64_t counted, bool last) {
  uint64_t m[16], v[16];
  for (int i = 0; i < 16; i++) {
    uint64_t word = 0;
    for (int byte = 0; byte < 8; byte++) word |= (uint64_t)block[8 * i + byte] << (8 * byte);
    m[i] = word;
  }
  memcpy(v, h, 8 * sizeof *v);
  memcpy(v + 8, iv, sizeof iv);
  v[12] ^= counted;
  if (last) v[14] = ~v[14];
#pragma GCC unroll 12
  for (int round = 0; round < 12; round++) {
    const uint8_t *s = sigma[round];
    G(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
    G(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
    G(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
    G(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
    G(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
    G(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
    G(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
    G(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
  }
  for (int i = 0; i < 8; i++) h[i] ^= v[i] ^ v[i + 8];
}

void minke_blake2b(const uint8_t *bytes, size_t count, uint8_t *digest, size_t length) {
  uint64_t h[8];
  memcpy(h, iv, sizeof iv);
  h[0] ^= 0x01010000 ^ (uint64_t)length;
  size_t done = 0;
  // The last block, full or not, is told from the others.
  for (; count - done > 128; done += 128) compress(h, bytes + done, done + 128, false);
  uint8_t block[128] = {0};
  if (count > done) memcpy(block, bytes + done, count - done);
  compress(h, block, count, true);
  for (size_t i = 0; i < length; i++) digest[i] = (uint8_t)(h[i / 8] >> (8 * (i % 8)));
}

static inline uint64_t load64(const uint8_t *bytes) {
  uint64_t word;
  memcpy(&word, bytes, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

// Odd, so that every step is a bijection and no change of one word is lost.
static const uint64_t checksum_factor = 0x9e3779b97f4a7c15u;

static inline uint64_t checksum_step(uint64_t state, uint64_t word) {
  state ^= word;
  return ((state << 29) | (state >> 35)) * checksum_factor;
}

uint64_t minke_checksum(const uint8_t *bytes, size_t count) {
  // Four chains, because one would wait for its own multiplication.
  uint64_t states[4] = {1, 2, 3, 4};
  size_t offset = 0;
  for (; offset + 32 <= count; offset += 32)
    for (int lane = 0; lane < 4; lane++)
      states[lane] = checksum_step(states[lane], load64(bytes + offset + 8 * lane));
  uint8_t rest[32] = {0};
  if (offset < count) memcpy(rest, bytes + offset, count - offset);
  for (int lane = 0; lane < 4; lane++) states[lane] = checksum_step(states[lane], load64(rest + 8 * lane));
  uint64_t sum = count;
  for (int lane = 0; lane < 4; lane++) sum = checksum_step(sum, states[lane]);
  return sum ^ (sum >> 32);
}
