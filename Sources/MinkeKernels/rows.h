// Rows of any length, sixteen numbers at a time.
#ifndef MINKE_ROWS_H
#define MINKE_ROWS_H

#include "vector.h"

// Sixteen of `count` numbers from place c on, or those that are left.
#define MINKE_LOAD(p, c) (count - (c) >= 16 ? load16((p) + (c)) : load_some((p) + (c), count - (c)))
#define MINKE_STORE(p, c, v)                                                                                           \
  do {                                                                                                                 \
    if (count - (c) >= 16) store16((p) + (c), v);                                                                      \
    else store_some((p) + (c), v, count - (c));                                                                        \
  } while (0)
// The lanes from c on that exist; the others are 0.
#define MINKE_KEEP(c, v) (count - (c) >= 16 ? (v) : choose16(MINKE_LANES < (int32_t)(count - (c)), v, (v16){0}))

// exp(z) for z of at most 88; below -87 nothing. NaN stays NaN.
MINKE_INLINE v16 exp16(v16 z) {
  const v16 power = z * 1.44269504f;
  const v16i low = power < -126.0f;
  return choose16(low, (v16){0}, exp2_16(choose16(low, (v16){0}, power)));
}

#endif
