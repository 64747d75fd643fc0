/* The inner loops of windows: what arrivals add to the units they reach, reckoned at the window's end.

   Clones for wide registers do the same operations in the same order and give the same bits (see vector.h). */

#ifndef EVENTSIM_SUMS_H
#define EVENTSIM_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "vector.h"

/* A unit's sums fill half a cache line, so a delivery costs one wide load, addition and store. */
typedef struct {
    double v, i, highest, count;
} eventsim_sums;

/* Add the same four numbers to each of n listed targets. */
VECTOR_CLONES static void eventsim_add_listed(eventsim_sums *sums, const int32_t *target, ptrdiff_t n, double v,
                                              double i, double highest, double count) {
    for (ptrdiff_t k = 0; k < n; k++) {
        eventsim_sums *to = sums + target[k];
        to->v += v;
        to->i += i;
        to->highest += highest;
        to->count += count;
    }
}

/* e^(-(end - time) rate) of n times. */
VECTOR_CLONES static void eventsim_decays(const double *restrict time, ptrdiff_t n, double end, double rate,
                                          double *restrict out) {
    for (ptrdiff_t k = 0; k < n; k++)
        out[k] = vector_exp((time[k] - end) * rate);
}

/* n intervals of a Poisson process with mean 1, numbers `count` + 1 and on of the stream `key` (splitmix64 of a
   counter; uniform on the middles of 2^52 cells, so the logarithm is of neither 0 nor 1). */
VECTOR_CLONES static void eventsim_intervals(uint64_t key, uint64_t count, ptrdiff_t n, double *restrict out) {
    for (ptrdiff_t k = 0; k < n; k++) {
        uint64_t h = key + (count + 1 + (uint64_t)k) * 0x9E3779B97F4A7C15u;
        h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
        h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
        h = h ^ (h >> 31);
        /* 1.xxx minus (1 - 2^-53): exact, without a conversion from integers */
        double u = vector_from_bits((int64_t)((h >> 12) | 0x3FF0000000000000u)) - (1.0 - 0x1p-53);
        out[k] = -vector_log(u);
    }
}

#endif
