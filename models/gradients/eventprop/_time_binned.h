/* Inner loops of time-binned EventProp passes: the arrivals of one spike at all units of a population, each after a
   delay of its own, and the step of all units over a bin.

   e^(d/tau) of each synapse, times its weight, is computed once for many spikes. So an arrival at t + d costs no
   exponential: e^(-(end - t - d)/tau) = e^(-(end - t)/tau) e^(d/tau), the first factor from a table of whole bins.

   Clones for wide registers do the same operations in the same order and give the same bits (see vector.h). */

#ifndef EVENTSIM_TIME_BINNED_H
#define EVENTSIM_TIME_BINNED_H

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
VECTOR_CLONES static void eventsim_add_to_bins(ptrdiff_t n, double time, const eventsim_ring *ring,
                                               const eventsim_synapse *restrict synapse, const double *restrict power,
                                               const double *restrict base, eventsim_bin_input *restrict bin_input) {
    for (ptrdiff_t k = 0; k < n; k++) {
        ptrdiff_t slot, ahead = eventsim_ahead(ring, time + synapse[k].delay, &slot);
        const double *from = &synapse[k].mem, *by = power + 4 * ahead;
        double *to = &bin_input[slot * n + k].mem;
        for (int lane = 0; lane < 4; lane++)
            to[lane] += from[lane] * (by[lane] * base[lane]);
    }
}

/* Advance membranes and currents by a bin and clear its input. `margin` is by how much a membrane may exceed its
   bound within the bin; returns how many may exceed it. */
VECTOR_CLONES static int64_t eventsim_advance_bin(ptrdiff_t n, const eventsim_bin *bin,
                                                  const double *restrict v,
                                                  const double *restrict i, const double *restrict bound,
                                                  eventsim_bin_input *restrict bin_input, double *restrict v_next,
                                                  double *restrict i_next, double *restrict margin) {
    const double v_inf = bin->v_inf, em = bin->em, es = bin->es, ka = bin->ka, factor = bin->k;
    const double linear = bin->linear, most = bin->most;
    int64_t found = 0;
    for (ptrdiff_t k = 0; k < n; k++) {
        double a = v[k] - v_inf;
        double current = (i[k] > 0.0 ? i[k] : 0.0) + bin_input[k].lift;
        double over = (((a > 0.0 ? a : 0.0) + (a < 0.0 ? a : 0.0) * linear) + current * most) - bound[k];
        margin[k] = over;
        found += over >= 0.0;
        v_next[k] = ((v_inf + a * em) + i[k] * ka) + factor * (bin_input[k].mem - bin_input[k].syn);
        i_next[k] = i[k] * es + bin_input[k].syn;
    }
    memset(bin_input, 0, (size_t)n * sizeof *bin_input);
    return found;
}

/* Write the adjoints at the end of a bin as factors of its two exponentials; returns how many units have an event
   at or after `start`. */
VECTOR_CLONES static int64_t eventsim_write_adjoints(ptrdiff_t n, double factor, double start,
                                                     const double *restrict event,
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

/* Add a spike to the two sums of each synapse, by the adjoints where it arrives; return dL/dt. */
VECTOR_CLONES static double eventsim_read_spike(ptrdiff_t n, double time, const eventsim_ring *ring,
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
VECTOR_CLONES static void eventsim_prepare_synapses(ptrdiff_t n, const double *restrict weight,
                                                    const double *restrict delay,
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
VECTOR_CLONES static void eventsim_finish_sums(ptrdiff_t n, double rate_mem, double rate_syn,
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
