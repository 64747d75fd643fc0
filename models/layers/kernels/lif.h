/* Leaky integrate-and-fire units on ticks, forward and backward, for floats and doubles; bodies in lif_real.h. */

#ifndef EVENTSIM_LAYERS_LIF_H
#define EVENTSIM_LAYERS_LIF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "eventsim/kernels/vector.h"
#include "quantize.h"

enum { SURROGATE_BOX, SURROGATE_FAST_SIGMOID, SURROGATE_TRIANGLE };
enum { LIF_BLOCK = 2048 }; /* values whose steps follow one another while they lie in the nearest cache */

/* Asks for the line of the caches that holds *p. A block's next step lies a whole step of the batch further on, where
   the processor does not look for it by itself. */
#if defined(__GNUC__)
#define LIF_SOON(p) __builtin_prefetch((p), 0, 2)
#else
#define LIF_SOON(p) ((void)0)
#endif

/* A layer of n units and a batch of sequences; arrays (steps, batch, n), of which a call works on the samples from
   `low` to `high`. Parameters are repeated for `row` values, a multiple of n, which make a loop worth it. */
typedef struct {
    ptrdiff_t steps, batch, n, low, high, row;
    const void *alpha, *threshold; /* (row) */
    int surrogate, smooth;
    double width;     /* of the surrogate */
    const void *grid; /* (4, row): step, 1 / step, least and most code of membranes; or NULL */
    int64_t *spikes;  /* (n): added to, the spikes of each unit over steps and samples; or NULL */
    int64_t *changes; /* added to if there are `spikes`: membranes that differ from those of the step before */
    void *room;       /* (2, row) integers as wide as values, for the two */
} lif_layer;

#define REAL double
#define WHOLE int64_t
#define NAME(name) name##_f64
#include "lif_real.h"
#undef REAL
#undef WHOLE
#undef NAME
#define REAL float
#define WHOLE int32_t
#define NAME(name) name##_f32
#include "lif_real.h"
#undef REAL
#undef WHOLE
#undef NAME

/* v[t] = alpha v[t-1] + current[t] - threshold s[t-1];  s[t] = v[t] > threshold.  first_v, first_s (batch, n) are
   the state before the first step. */
static inline void lif_forward(int is_float64, const lif_layer *p, const void *current, const void *first_v,
                               const void *first_s, void *v, void *s) {
    if (is_float64)
        lif_forward_f64(p, current, first_v, first_s, v, s);
    else
        lif_forward_f32(p, current, first_v, first_s, v, s);
}

/* From ds (= dL/ds) and v, which is overwritten by dL/dcurrent. by_alpha, by_threshold (batch, n): sums over time, or
   NULL; lambda (batch, n) is room. */
static inline void lif_backward(int is_float64, const lif_layer *p, const void *ds, void *v, void *by_alpha,
                                void *by_threshold, void *lambda) {
    if (is_float64)
        lif_backward_f64(p, ds, v, by_alpha, by_threshold, lambda);
    else
        lif_backward_f32(p, ds, v, by_alpha, by_threshold, lambda);
}

/* u[t] = alpha u[t-1] + (1 - alpha) current[t] */
static inline void leak_forward(int is_float64, const lif_layer *p, const void *current, const void *first, void *u) {
    if (is_float64)
        leak_forward_f64(p, current, first, u);
    else
        leak_forward_f32(p, current, first, u);
}

static inline void leak_backward(int is_float64, const lif_layer *p, const void *du, void *dcurrent) {
    if (is_float64)
        leak_backward_f64(p, du, dcurrent);
    else
        leak_backward_f32(p, du, dcurrent);
}

#endif
