/* The loop over time of the minimal gated recurrent unit, forward and backward; bodies in min_gru_real.h. */

#ifndef EVENTSIM_LAYERS_MIN_GRU_H
#define EVENTSIM_LAYERS_MIN_GRU_H

#include <stddef.h>
#include <string.h>

#include "eventsim/kernels/activations.h"
#include "quantize.h"

/* A layer of n units; arrays (steps, batch, n), `pre` (steps, batch, 2 n) with gates before candidates. A call works
   on the samples from `low` to `high`. */
typedef struct {
    ptrdiff_t steps, batch, n, low, high;
    int positive;     /* whether candidates go through g */
    const void *grid; /* (4, n): step, 1 / step, least and most code of states; or NULL */
} min_gru_layer;

#define REAL double
#define NAME(name) name##_f64
#include "min_gru_real.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) name##_f32
#include "min_gru_real.h"
#undef REAL
#undef NAME

/* pre holds z and candidate afterwards. first (batch, n) is the state before the first step. */
static inline void min_gru_forward(int is_float64, const min_gru_layer *p, void *pre, const void *first, void *h) {
    if (is_float64)
        min_gru_forward_f64(p, pre, first, h);
    else
        min_gru_forward_f32(p, pre, first, h);
}

/* From dh (= dL/dh), h and what `min_gru_forward` left in pre, which is overwritten by dL/dpre. carry (batch, n) is
   dL/dfirst at the end. */
static inline void min_gru_backward(int is_float64, const min_gru_layer *p, const void *dh, const void *first,
                                    const void *h, void *pre, void *carry) {
    if (is_float64)
        min_gru_backward_f64(p, dh, first, h, pre, carry);
    else
        min_gru_backward_f32(p, dh, first, h, pre, carry);
}

#endif
