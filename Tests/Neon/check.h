// Holds the NEON kernels against the portable ones and against plain arithmetic, at the edge sizes of their loops. What
// NEON and the portable level share is held against arithmetic alone, for what the compiler makes of it on Arm.
#ifndef MINKE_NEON_CHECK_H
#define MINKE_NEON_CHECK_H

#include <math.h>
#include <string.h>

#include "MinkeKernels.h"

void check_convert(void);
void check_pooling(void);
void check_scan(void);
void check_gemm(void);
void check_transformer(void);
void check_matvec(void);
void check_decoder(void);

/// Runs what follows for each of the values.
#define EACH(type, name, ...)                                                                                          \
  for (const type name##_list[] = {__VA_ARGS__}, *name##_at = name##_list;                                             \
       name##_at < name##_list + sizeof name##_list / sizeof *name##_list; name##_at++)                                \
    for (type name = *name##_at, name##_once = 1; name##_once; name##_once = 0)

/// Names what is checked next.
void about(const char *format, ...) __attribute__((format(printf, 1, 2)));
void check(bool holds);

extern size_t passed, failed;

/// Names what was checked last when a kernel crashes.
void watch(void);

/// Memory that ends where the next byte may not be touched: a kernel that goes beyond what it is given crashes.
void *take(size_t bytes);
void give_back(void);

/// The same in every run.
uint64_t next_random(void);
/// From -1 to 1, in steps of 2^-20.
float number(void);
float *numbers(size_t count);
/// Bytes of all values or, every other time, all of one extreme value.
void *random_bytes(size_t count);

/// Room for results, in which what is not written can be told.
float *room(size_t count);

bool same(const void *a, const void *b, size_t bytes);
bool all_nan(const float *y, size_t count);

/// Exact values, and how far a result may be from each; where none is put, nothing may be written.
typedef struct {
  double *values, *bounds;
  size_t count;
} expectation;

expectation expect(size_t count);
void put(expectation e, size_t i, double value, double bound);
bool meets(const float *y, expectation e);

/// The rounding of one operation, relative to its result.
#define EPSILON 0x1p-24

static inline double gelu(double x) { return 0.5 * x * erfc(-x * sqrt(0.5)); }

#endif
