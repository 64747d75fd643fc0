/* The loop over time of a gated running average with gates of few bits; bodies in gated_average_real.h. */

#ifndef EVENTSIM_LAYERS_GATED_AVERAGE_H
#define EVENTSIM_LAYERS_GATED_AVERAGE_H

#include <stddef.h>
#include <string.h>

#include "eventsim/kernels/activations.h"

/* A layer of n units; arrays (steps, batch, n), `pre` (steps, batch, 2 n) with gate inputs u before candidates. A call
   works on the samples from `low` to `high`. */
typedef struct {
    ptrdiff_t steps, batch, n, low, high;
    int soft;      /* the gate is a sigmoid of the slope of the hard one */
    double levels; /* codes of a gate, 0 for real gates */
    double half;   /* added to a code before it is cut: 1/2 rounds to nearest */
    double rows;   /* of the core; a code k swaps the nearest number of rows to k rows / levels */
} gated_average_layer;

#define REAL double
#define NAME(name) name##_f64
#include "gated_average_real.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) name##_f32
#include "gated_average_real.h"
#undef REAL
#undef NAME

/* Fills z and h. first (batch, n) is the state before the first step. */
static inline void gated_average_forward(int is_float64, const gated_average_layer *p, const void *pre,
                                         const void *first, void *z, void *h) {
    if (is_float64)
        gated_average_forward_f64(p, pre, first, z, h);
    else
        gated_average_forward_f32(p, pre, first, z, h);
}

/* From dh (= dL/dh), h, z and pre, which is overwritten by dL/dpre. carry (batch, n) is dL/dfirst at the end. */
static inline void gated_average_backward(int is_float64, const gated_average_layer *p, const void *dh,
                                          const void *first, const void *h, const void *z, void *pre, void *carry) {
    if (is_float64)
        gated_average_backward_f64(p, dh, first, h, z, pre, carry);
    else
        gated_average_backward_f32(p, dh, first, h, z, pre, carry);
}

#endif
