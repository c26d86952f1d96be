#define _GNU_SOURCE
#include "check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static char subject[256];
size_t passed, failed;

void about(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(subject, sizeof subject, format, arguments);
  va_end(arguments);
}

void check(bool holds) {
  if (holds) {
    passed++;
  } else if (failed++ < 20) {
    printf("failed: %s\n", subject);
  }
}

// A kernel that touches memory beyond its own ends the run: its name is all that can still be told.
static void stop(int signal_number) {
  (void)signal_number;
  ssize_t written = write(1, subject, strlen(subject));
  written += write(1, " crashed\n", 9);
  _exit(written > 0 ? 1 : 2);
}

void watch(void) {
  signal(SIGSEGV, stop);
  signal(SIGBUS, stop);
  signal(SIGILL, stop);
}

static struct {
  char *start;
  size_t bytes;
} taken[64];
static size_t taken_count;

void *take(size_t bytes) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (bytes + page - 1) / page * page;
  char *start = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED || taken_count == 64 || mprotect(start + whole, page, PROT_NONE) != 0) {
    printf("no memory for %s\n", subject);
    exit(1);
  }
  taken[taken_count].start = start;
  taken[taken_count++].bytes = whole + page;
  return start + whole - bytes;
}

void give_back(void) {
  while (taken_count > 0) {
    taken_count--;
    munmap(taken[taken_count].start, taken[taken_count].bytes);
  }
}

static uint64_t state = 1;

uint64_t next_random(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

float number(void) { return (float)((int32_t)(next_random() % 0x200001) - 0x100000) * 0x1p-20f; }

float *numbers(size_t count) {
  float *x = take(count * sizeof(float));
  for (size_t i = 0; i < count; i++) x[i] = number();
  return x;
}

void *random_bytes(size_t count) {
  static const uint8_t extremes[] = {0x00, 0x7f, 0x80, 0xff};
  const uint64_t kind = next_random() % 8;
  uint8_t *x = take(count);
  for (size_t i = 0; i < count; i++) x[i] = kind < 4 ? extremes[kind] : (uint8_t)next_random();
  return x;
}

static const float unwritten = -12345;

float *room(size_t count) {
  float *y = take(count * sizeof(float));
  for (size_t i = 0; i < count; i++) y[i] = unwritten;
  return y;
}

bool same(const void *a, const void *b, size_t bytes) { return memcmp(a, b, bytes) == 0; }

expectation expect(size_t count) {
  expectation e = {take(count * sizeof(double)), take(count * sizeof(double)), count};
  for (size_t i = 0; i < count; i++) e.values[i] = unwritten;
  return e;
}

void put(expectation e, size_t i, double value, double bound) {
  e.values[i] = value;
  e.bounds[i] = bound;
}

bool meets(const float *y, expectation e) {
  for (size_t i = 0; i < e.count; i++) {
    if (!(fabs((double)y[i] - e.values[i]) <= e.bounds[i])) return false;
  }
  return true;
}

bool all_nan(const float *y, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!isnan(y[i])) return false;
  }
  return true;
}
