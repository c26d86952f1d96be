// tanh for loops that the compiler turns into the vector code of each level.
#ifndef MINKE_TANH_H
#define MINKE_TANH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

// tanh without branches: a polynomial in x^2 near 0, where 1 - 2 / (e^2x + 1) would cancel, and that elsewhere.
static inline __attribute__((always_inline)) float hyperbolic_tangent(float x) {
  float magnitude = fabsf(x);
  magnitude = magnitude < 9.5f ? magnitude : 9.5f;

  // tanh(x) / x = 1 + z P(z), z = x^2, fitted on [0, 0.64^2].
  float z = magnitude * magnitude;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z + -5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z + -3.33332819422e-1f;
  float near = magnitude + magnitude * z * p;

  // e^2x = 2^n e^r with |r| <= ln 2 / 2; ln 2 in two parts keeps r exact.
  float n = 2 * magnitude * 1.44269504f + 12582912.0f;
  int32_t exponent;
  memcpy(&exponent, &n, sizeof exponent);
  n -= 12582912.0f;
  float r = 2 * magnitude - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float e = 1.9875691500e-4f;
  e = e * r + 1.3981999507e-3f;
  e = e * r + 8.3334519073e-3f;
  e = e * r + 4.1665795894e-2f;
  e = e * r + 1.6666665459e-1f;
  e = e * r + 5.0000001201e-1f;
  e = e * r * r + r + 1;
  uint32_t power_bits = (uint32_t)((exponent - 0x4b400000 + 127) << 23);
  float power;
  memcpy(&power, &power_bits, sizeof power);
  float far = 1 - 2 / (e * power + 1);

  return copysignf(magnitude < 0.625f ? near : far, x);
}

#endif
