// Hashes of bytes that lie in one piece.
#ifndef MINKE_HASH_H
#define MINKE_HASH_H

#include <stddef.h>
#include <stdint.h>

/// Writes the BLAKE2b hash (RFC 7693, unkeyed) of `bytes` to `digest`, `length` bytes, 1 to 64.
void minke_blake2b(const uint8_t *bytes, size_t count, uint8_t *digest, size_t length);

/// A checksum of `bytes` at about the speed of memory, the same on every machine. It tells bytes that were damaged, and
/// is no protection against bytes made to have it. A change within one word of 8 bytes is always seen.
uint64_t minke_checksum(const uint8_t *bytes, size_t count);

#endif
