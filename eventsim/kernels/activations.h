/* Activation functions and their slopes, for floats and doubles; the bodies are in activations_real.h.

   exp, tanh and the logistic function are accurate to about two units in the last place. */

#ifndef EVENTSIM_ACTIVATIONS_H
#define EVENTSIM_ACTIVATIONS_H

#include <stddef.h>

#include "vector.h"

enum { LINEAR, TANH, LOGISTIC, HARD_SIGMOID, SOFTPLUS, RELU };

VECTOR_INLINE float vector_from_bits_f32(int32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Split e^x = scale (1 + rest); x in [-87, 88]. */
VECTOR_INLINE float vector_exp_split_f32(float x, float *scale) {
    float shifted = x * 0x1.715476p+0f + 0x1.8p23f;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    float n = shifted - 0x1.8p23f;
    float r = (x - n * 0x1.63p-1f) - n * -0x1.bd0106p-13f; /* ln 2 in two parts, the first of 9 bits */
    float r2 = r * r;
    float low = 0.5f + r * (1.f / 6), high = (1.f / 24 + r * (1.f / 120)) + r2 * (1.f / 720 + r * (1.f / 5040));
    *scale = vector_from_bits_f32((int32_t)((uint32_t)(bits + 127) << 23));
    return r + r2 * (low + r2 * high);
}

VECTOR_INLINE float vector_clamp_f32(float x) {
    x = x > -87.0f ? x : -87.0f;
    return x < 88.0f ? x : 88.0f;
}

VECTOR_INLINE float exp_f32(float x) {
    float scale, rest = vector_exp_split_f32(vector_clamp_f32(x), &scale);
    return scale + scale * rest;
}

VECTOR_INLINE float expm1_f32(float x) {
    float scale, rest = vector_exp_split_f32(vector_clamp_f32(x), &scale);
    return (scale - 1.0f) + scale * rest;
}

VECTOR_INLINE double exp_f64(double x) { return vector_exp(x); }
VECTOR_INLINE double expm1_f64(double x) { return vector_expm1(x); }

/* ln(1 + y) for y in [0, 1], accurate for small y too. */
VECTOR_INLINE double log1p_f64(double y) {
    double above = 1.0 + y, missing = y - (above - 1.0);
    return vector_log(above) + missing / above;
}
VECTOR_INLINE float log1p_f32(float y) { return (float)log1p_f64((double)y); }

#define REAL double
#define NAME(name) name##_f64
#include "activations_real.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) name##_f32
#include "activations_real.h"
#undef REAL
#undef NAME

static inline void activate(int wide, int kind, const void *x, void *rate, void *slope, ptrdiff_t n) {
    if (wide)
        activate_f64(kind, x, rate, slope, n);
    else
        activate_f32(kind, x, rate, slope, n);
}

#endif
