/* The inner loop of finding the arrivals of one unit among the spikes that may arrive. */

#ifndef EVENTSIM_EVENTPROP_ARRIVALS_H
#define EVENTSIM_EVENTPROP_ARRIVALS_H

#include <stddef.h>
#include <stdint.h>

#include "eventsim/kernels/vector.h"

typedef struct {
    double time;
    int32_t synapse, spike;
} eventsim_arrival;

/* Of n spikes, whose `synapse` is a column of `delay`, list the arrivals in [start, end) up to `stop`; synapses of one
   unit lie `step` apart. Few of them arrive, so `sent` and `rough` are looked at first, eight spikes at a time: times
   relative to an origin and delays in single precision, with `low` and `high` some way around the window. */
VECTOR_CLONES static ptrdiff_t eventsim_pick(ptrdiff_t n, const float *restrict sent,
                                             const int32_t *restrict column,
                                             const float *restrict rough, float low, float high,
                                             const eventsim_arrival *restrict in_flight, const double *restrict delay,
                                             double start, double end, double stop, int32_t step,
                                             eventsim_arrival *restrict arrival) {
    ptrdiff_t found = 0;
    for (ptrdiff_t first = 0; first < n; first += VECTOR_LANES) { /* what lies behind the last is never in time */
        float rest[VECTOR_LANES];
        int any = 0;
        for (int k = 0; k < VECTOR_LANES; k++) rest[k] = sent[first + k] + rough[column[first + k]];
        for (int k = 0; k < VECTOR_LANES; k++) any |= (rest[k] >= low) & (rest[k] < high);
        if (!any) continue;
        for (int k = 0; k < VECTOR_LANES; k++) {
            const eventsim_arrival *from = in_flight + first + k;
            double time;
            if (!(rest[k] >= low && rest[k] < high)) continue;
            time = from->time + delay[from->synapse];
            if (time >= start && time < end && time <= stop) {
                arrival[found].time = time;
                arrival[found].synapse = from->synapse * step;
                arrival[found].spike = from->spike;
                found++;
            }
        }
    }
    return found;
}

#endif
