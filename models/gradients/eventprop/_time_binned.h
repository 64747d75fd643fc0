/* Inner loops of the gradient walk in bins: one spike's arrivals at all units of a population, each after a delay
   of its own, and what all units do over a bin.

   With the decays e^(d/tau) of a synapse, times its weight, computed once for many spikes, an arrival at t + d costs
   no exponential: e^(-(end - t - d)/tau) = e^(-(end - t)/tau) e^(d/tau), the former from a table of whole bins.

   Clones for wide registers do the same operations in the same order and give the same bits (see vector.h). */

#ifndef EVENTSIM_BINS_H
#define EVENTSIM_BINS_H

#include <stddef.h>
#include <stdint.h>

#include "_time_binned_records.h"
#include "eventsim/kernels/vector.h"

VECTOR_INLINE ptrdiff_t eventsim_ahead(const eventsim_ring *ring, double time, ptrdiff_t *slot) {
    ptrdiff_t ahead = (int32_t)(time * ring->per_bin) - ring->bin;
    *slot = ring->place + ahead;
    *slot -= *slot >= ring->n_bins ? ring->n_bins : 0;
    return ahead;
}

/* Add a spike at `time` to the bins in which it arrives; `power` holds decays of whole bins, `base` those to the end
   of the spike's own bin, (mem, syn, 1, 0) both. */
VECTOR_CLONES static void eventsim_spread(ptrdiff_t n, double time, const eventsim_ring *ring,
                                          const eventsim_synapse *restrict synapse, const double *restrict power,
                                          const double *restrict base, eventsim_heap *restrict heap) {
    for (ptrdiff_t k = 0; k < n; k++) {
        ptrdiff_t slot, ahead = eventsim_ahead(ring, time + synapse[k].delay, &slot);
        const double *from = &synapse[k].mem, *by = power + 4 * ahead;
        double *to = &heap[slot * n + k].mem;
        for (int lane = 0; lane < 4; lane++)
            to[lane] += from[lane] * (by[lane] * base[lane]);
    }
}

/* Advance membranes and currents by a bin and clear its heap. `excess` tells by how much a membrane may come above its
   bar within the bin, if at all; returned is how many may. */
VECTOR_CLONES static int64_t eventsim_pass(ptrdiff_t n, const eventsim_bin *bin, const double *restrict v,
                                           const double *restrict i, const double *restrict bar,
                                           eventsim_heap *restrict heap, double *restrict v_next,
                                           double *restrict i_next, double *restrict excess) {
    const double v_inf = bin->v_inf, em = bin->em, es = bin->es, ka = bin->ka, factor = bin->k;
    const double linear = bin->linear, most = bin->most;
    int64_t found = 0;
    for (ptrdiff_t k = 0; k < n; k++) {
        double a = v[k] - v_inf;
        double current = (i[k] > 0.0 ? i[k] : 0.0) + heap[k].lift;
        double over = (((a > 0.0 ? a : 0.0) + (a < 0.0 ? a : 0.0) * linear) + current * most) - bar[k];
        excess[k] = over;
        found += over >= 0.0;
        v_next[k] = ((v_inf + a * em) + i[k] * ka) + factor * (heap[k].mem - heap[k].syn);
        i_next[k] = i[k] * es + heap[k].syn;
    }
    memset(heap, 0, (size_t)n * sizeof *heap);
    return found;
}

/* Write down adjoints at the end of a bin as factors of its two exponentials; returns how many units did something
   at or after `start`. */
VECTOR_CLONES static int64_t eventsim_note(ptrdiff_t n, double factor, double start, const double *restrict event,
                                           const double *restrict l_v, const double *restrict l_i,
                                           eventsim_pair *restrict pair) {
    int64_t found = 0;
    for (ptrdiff_t k = 0; k < n; k++) {
        pair[k].mem = factor * l_v[k];
        pair[k].syn = l_i[k] - pair[k].mem;
        found += event[k] >= start;
    }
    return found;
}

/* Read a spike off the adjoints of all units where it arrives: add to the two sums of each synapse, return dL/dt. */
VECTOR_CLONES static double eventsim_collect(ptrdiff_t n, double time, const eventsim_ring *ring,
                                             const eventsim_synapse *restrict synapse, const double *restrict power,
                                             const double *restrict base, double rate_mem, double rate_syn,
                                             const eventsim_pair *restrict pair, eventsim_pair *restrict sum) {
    double mem = 0.0, syn = 0.0;
    for (ptrdiff_t k = 0; k < n; k++) {
        ptrdiff_t slot, ahead = eventsim_ahead(ring, time + synapse[k].delay, &slot);
        const eventsim_pair *from = &pair[slot * n + k];
        double by_mem = from->mem * (power[4 * ahead] * base[0]);
        double by_syn = from->syn * (power[4 * ahead + 1] * base[1]);
        sum[k].mem += by_mem;
        sum[k].syn += by_syn;
        mem += synapse[k].mem * by_mem;
        syn += synapse[k].syn * by_syn;
    }
    return rate_mem * mem + rate_syn * syn;
}

/* Prepare n synapses: `decay` is e^(delay/tau) for both constants. */
VECTOR_CLONES static void eventsim_lay(ptrdiff_t n, const double *restrict weight, const double *restrict delay,
                                       double rate_mem, double rate_syn, eventsim_pair *restrict decay,
                                       eventsim_synapse *restrict synapse) {
    for (ptrdiff_t k = 0; k < n; k++) {
        decay[k].mem = vector_exp(delay[k] * rate_mem);
        decay[k].syn = vector_exp(delay[k] * rate_syn);
    }
    for (ptrdiff_t k = 0; k < n; k++) {
        synapse[k].mem = weight[k] * decay[k].mem;
        synapse[k].syn = weight[k] * decay[k].syn;
        synapse[k].lift = weight[k] > 0.0 ? weight[k] : 0.0;
        synapse[k].delay = delay[k];
    }
}

/* Turn the sums of all spikes into derivatives in weights and delays, and clear them. */
VECTOR_CLONES static void eventsim_settle(ptrdiff_t n, double rate_mem, double rate_syn,
                                          const double *restrict weight, const eventsim_pair *restrict decay,
                                          eventsim_pair *restrict sum, double *restrict by_weight,
                                          double *restrict by_delay) {
    for (ptrdiff_t k = 0; k < n; k++) {
        double mem = decay[k].mem * sum[k].mem, syn = decay[k].syn * sum[k].syn;
        by_weight[k] += mem + syn;
        by_delay[k] += weight[k] * (rate_mem * mem + rate_syn * syn);
    }
    memset(sum, 0, (size_t)n * sizeof *sum);
}

#endif
