/* Records of time-binned EventProp passes; see _time_binned.h. */

#ifndef EVENTSIM_TIME_BINNED_RECORDS_H
#define EVENTSIM_TIME_BINNED_RECORDS_H

#include <stdint.h>

/* A synapse: its weight times e^(delay/tau_mem) and times e^(delay/tau_syn), the weight if positive, the delay.
   A quarter of a cache line, so that an arrival is one wide load, product, addition and store. */
typedef struct {
    double mem, syn, lift, delay;
} eventsim_synapse;

/* What arrived at a unit in a bin: as it acts at the bin's end, and the positive weights. */
typedef struct {
    double mem, syn, lift, unused;
} eventsim_bin_input;

/* A unit's adjoints within a bin: l_v kappa and l_i are sums of two exponentials with these factors. */
typedef struct {
    double mem, syn;
} eventsim_pair;

/* Where the bins of a population lie: a ring of `n_bins`; the bin of a spike, and its place in the ring. */
typedef struct {
    double per_bin; /* 1 / width of a bin, a power of two: bins are found without rounding */
    int32_t n_bins, bin, place;
} eventsim_ring;

/* What happens over a bin without spikes, the same for all units; see eventsim_gap. */
typedef struct {
    double v_inf, em, es, ka, k, linear, most;
} eventsim_bin;

#endif
