#include "check.h"

void check_convert(void) {
  const minke_convert_kernels *portable = minke_convert(MINKE_PORTABLE), *neon = minke_convert(MINKE_NEON);
  EACH(size_t, count, 0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 65536) {
    uint16_t *from = take(count * sizeof(uint16_t));
    uint32_t *shifted = take(count * sizeof(uint32_t));
    for (size_t i = 0; i < count; i++) {
      from[i] = (uint16_t)(count == 65536 ? i : next_random());
      shifted[i] = (uint32_t)from[i] << 16;
    }
    float *a = room(count), *b = room(count);
    about("f16_to_f32 of %zu numbers", count);
    portable->f16_to_f32(from, a, count);
    neon->f16_to_f32(from, b, count);
    check(same(a, b, count * sizeof(float)));
    about("bf16_to_f32 of %zu numbers", count);
    neon->bf16_to_f32(from, b, count);
    check(same(shifted, b, count * sizeof(float)));
    give_back();
  }
}
