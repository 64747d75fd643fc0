/* Inner loops of EventProp passes vectorised over the neurons of a population. All neurons receive the same spikes
   at the same times, so they go from arrival to arrival together and decays are computed once.

   Clones for wide registers do the same operations in the same order and give the same bits (see vector.h). */

#ifndef EVENTSIM_VECTORISED_H
#define EVENTSIM_VECTORISED_H

#include <stddef.h>
#include <stdint.h>

#include "eventsim/kernels/vector.h"

/* What happens over a time without input, the same for all units. */
typedef struct {
    double v_inf, em, es, ka; /* decays of membrane and current, and response of the membrane to a unit current */
    double linear, most;      /* bounds: e^(-s/tau_mem) is at least `linear`, the response at most `most` */
} eventsim_gap;

/* Advance membranes and currents, then add the weights of an arrival to the currents. `margin` is by how much
   a membrane may exceed its bound within that time; returns how many may exceed it. */
VECTOR_CLONES static int64_t eventsim_advance(ptrdiff_t n, const eventsim_gap *gap, const double *restrict v,
                                              const double *restrict i, const double *restrict weight,
                                              const double *restrict bound, double *restrict v_next,
                                              double *restrict i_next, double *restrict margin) {
    const double v_inf = gap->v_inf, em = gap->em, es = gap->es, ka = gap->ka;
    const double linear = gap->linear, most = gap->most;
    int64_t found = 0;
    for (ptrdiff_t k = 0; k < n; k++) {
        double a = v[k] - v_inf;
        double highest = ((a > 0.0 ? a : 0.0) + (a < 0.0 ? a : 0.0) * linear) + (i[k] > 0.0 ? i[k] : 0.0) * most;
        double over = highest - bound[k];
        margin[k] = over;
        found += over >= 0.0;
        v_next[k] = (v_inf + a * em) + i[k] * ka;
        i_next[k] = i[k] * es + weight[k];
    }
    return found;
}

/* How sensitivities to the time constants change over a time without input (see `advance_sensitivity` in _sensitivities.pxd). */
typedef struct {
    double v_inf, em, es, ka;
    double mem, mem_by_v, mem_by_i, syn_by_i, current_by_i;
} eventsim_drift;

VECTOR_CLONES static void eventsim_drift_all(ptrdiff_t n, const eventsim_drift *d, const double *restrict v,
                                             const double *restrict i, const double *restrict mem,
                                             const double *restrict syn, const double *restrict current,
                                             double *restrict mem_next, double *restrict syn_next,
                                             double *restrict current_next) {
    for (ptrdiff_t k = 0; k < n; k++) {
        mem_next[k] = mem[k] * d->em + (d->mem + (d->mem_by_v * (v[k] - d->v_inf) + d->mem_by_i * i[k]));
        syn_next[k] = (syn[k] * d->em + current[k] * d->ka) + i[k] * d->syn_by_i;
        current_next[k] = (current[k] + i[k] * d->current_by_i) * d->es;
    }
}

/* Take the adjoints of all units back over a time without input. */
VECTOR_CLONES static void eventsim_decay_adjoints(ptrdiff_t n, double em, double es, double ka,
                                                  double *restrict l_v,
                                                  double *restrict l_i) {
    for (ptrdiff_t k = 0; k < n; k++) {
        l_i[k] = l_i[k] * es + l_v[k] * ka;
        l_v[k] = l_v[k] * em;
    }
}

/* Add dL/dw of an arrival at each unit; return dL/dt summed over the units. */
VECTOR_CLONES static double eventsim_read_arrival(ptrdiff_t n, double rate, double per_c,
                                                  const double *restrict l_v,
                                                  const double *restrict l_i, const double *restrict weight,
                                                  double *restrict by_weight) {
    double sum[VECTOR_LANES] = {0}, rest = 0.0;
    ptrdiff_t k = 0;
    for (; k + VECTOR_LANES <= n; k += VECTOR_LANES)
        for (int lane = 0; lane < VECTOR_LANES; lane++) {
            by_weight[k + lane] += l_i[k + lane];
            sum[lane] += weight[k + lane] * (l_i[k + lane] * rate - l_v[k + lane] * per_c);
        }
    for (; k < n; k++) {
        by_weight[k] += l_i[k];
        rest += weight[k] * (l_i[k] * rate - l_v[k] * per_c);
    }
    return (((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]))) + rest;
}

/* Set adjoints below `least` to 0, which spares arithmetic with denormal numbers. */
VECTOR_CLONES static void eventsim_flush_small(ptrdiff_t n, double least, double *restrict l_v,
                                               double *restrict l_i) {
    for (ptrdiff_t k = 0; k < n; k++) {
        l_v[k] = fabs(l_v[k]) < least ? 0.0 : l_v[k];
        l_i[k] = fabs(l_i[k]) < least ? 0.0 : l_i[k];
    }
}

#endif
