#include <stdio.h>

#include "check.h"

// With "with" or "without", the dot product instruction must or must not be there.
int main(int count, char **arguments) {
  watch();
  about("the level");
  check(minke_best_level() == MINKE_NEON && minke_level_available(MINKE_NEON));
  about("the dot product instruction is taken for %s", minke_has_dotprod() ? "there" : "missing");
  if (count > 1) check(minke_has_dotprod() == (strcmp(arguments[1], "with") == 0));

  check_convert();
  check_pooling();
  check_scan();
  check_gemm();
  check_transformer();
  check_matvec();
  check_decoder();

  printf("NEON kernels %s the dot product: %zu passed, %zu failed\n", minke_has_dotprod() ? "with" : "without", passed,
         failed);
  return failed == 0 ? 0 : 1;
}
