/* Rounding to a grid, and the two gates of quantised networks, for floats and doubles; bodies in quantize_real.h. */

#ifndef EVENTSIM_LAYERS_QUANTIZE_H
#define EVENTSIM_LAYERS_QUANTIZE_H

#include <math.h>
#include <stddef.h>

#include "eventsim/kernels/vector.h"

enum { GATE_QGELU, GATE_QGELU_PRINTED, GATE_HARD_SIGMOID };

/* The nearest whole number, ties to even; one instruction where the processor has SSE 4.1. */
VECTOR_INLINE double nearest_f64(double x) { return rint(x); }
VECTOR_INLINE float nearest_f32(float x) { return rintf(x); }

#define REAL double
#define NAME(name) name##_f64
#include "quantize_real.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) name##_f32
#include "quantize_real.h"
#undef REAL
#undef NAME

#endif
