// BLAKE2b (RFC 7693), unkeyed, of bytes that lie in one piece.
#ifndef MINKE_HASH_H
#define MINKE_HASH_H

#include <stddef.h>
#include <stdint.h>

/// Writes the BLAKE2b hash of `bytes` to `digest`, `length` bytes, 1 to 64.
void minke_blake2b(const uint8_t *bytes, size_t count, uint8_t *digest, size_t length);

#endif
