/* Functions of single values, forward and backward, for floats and doubles; bodies in elementwise_real.h. */

#ifndef EVENTSIM_LAYERS_ELEMENTWISE_H
#define EVENTSIM_LAYERS_ELEMENTWISE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "eventsim/kernels/activations.h"
#include "eventsim/kernels/vector.h"

#define GELU_ROOT 0.7978845608028654 /* sqrt(2 / pi) */
#define GELU_CUBE 0.044715
#define HALF_ROOT 0.7071067811865476 /* sqrt(1 / 2) */
#define NORMAL_PEAK 0.3989422804014327 /* 1 / sqrt(2 pi) */

VECTOR_INLINE float erf_real_f32(float x) { return erff(x); }
VECTOR_INLINE double erf_real_f64(double x) { return erf(x); }

/* splitmix64 of a counter: a draw depends on key and place alone, so threads and the backward pass draw the same. */
VECTOR_INLINE uint64_t dropout_bits(uint64_t key, uint64_t count) {
    uint64_t h = key + count * 0x9E3779B97F4A7C15u;
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
    return h ^ (h >> 31);
}

#define REAL double
#define NAME(name) name##_f64
#include "elementwise_real.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) name##_f32
#include "elementwise_real.h"
#undef REAL
#undef NAME

#endif
