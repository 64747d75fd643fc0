/* Adam, the one implementation of this optimiser (Kingma & Ba 2015): of losses, of plasticity on ticks, of time
   constants.

       m <- beta1 m + (1 - beta1) g        v <- beta2 v + (1 - beta2) g^2
       p <- p + rate m / (spread sqrt(v) + epsilon)

   `rate` and `spread` hold the corrections of the bias at step t: rate = r / (1 - beta1^t), r < 0 to descend, and
   spread = 1 / sqrt(1 - beta2^t). Clones for wide registers give the same bits (see vector.h). */

#ifndef EVENTSIM_ADAM_H
#define EVENTSIM_ADAM_H

#include <math.h>
#include <stddef.h>
#include "eventsim/kernels/vector.h"

/* A moment after one more value, and the step along a first moment by the root of a second one. */
#define ADAM_MOMENT(beta, moment, value) ((beta) * (moment) + (1 - (beta)) * (value))
#define ADAM_STEP(rate, m, root, epsilon) ((rate) * (m) / ((root) + (epsilon)))

#define REAL double
#define NAME(name) name##_f64
#include "adam_real.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) name##_f32
#include "adam_real.h"
#undef REAL
#undef NAME

/* One step of n parameters p along `mean` times their summed gradient g; moments and p are changed in place. */
static inline void adam_step(int is_float64, void *p, const void *g, void *first, void *second, double rate,
                             double spread, double mean, double beta1, double beta2, double epsilon, ptrdiff_t n) {
    if (is_float64)
        adam_f64(p, g, first, second, rate, spread, mean, beta1, beta2, epsilon, n);
    else
        adam_f32(p, g, first, second, (float)rate, (float)spread, (float)mean, (float)beta1, (float)beta2,
                 (float)epsilon, n);
}

#endif
