/* Factors of the arrivals of a sample that the forward and the backward pass share. */

#ifndef EVENTSIM_FIRST_SPIKE_FRAMES_H
#define EVENTSIM_FIRST_SPIKE_FRAMES_H

#include "_layer_records.h"

/* The factors f and g of a sample, in the order of its arrivals t (in_stride).
   Returns whether the arrivals span more than one frame. */
VECTOR_CLONES
static int rows_prepare(const rows_layer *L, const double *t, double *f, double *g, double *origin) {
    double lows[VECTOR_LANES], highs[VECTOR_LANES], first, last;
    double per_c = 1.0 / L->c_mem, tau_syn = L->tau_syn, rate = L->rate;
    ptrdiff_t i, l, n = L->in_stride;
    for (l = 0; l < VECTOR_LANES; l++) {
        lows[l] = INFINITY;
        highs[l] = -INFINITY;
    }
    for (i = 0; i < L->in_stride; i += VECTOR_LANES)
        for (l = 0; l < VECTOR_LANES; l++) {
            double time = t[i + l], arrives = time < INFINITY ? time : -INFINITY;
            lows[l] = time < lows[l] ? time : lows[l];
            highs[l] = arrives > highs[l] ? arrives : highs[l];
        }
    first = lows[0], last = highs[0];
    for (l = 1; l < VECTOR_LANES; l++) {
        first = lows[l] < first ? lows[l] : first;
        last = highs[l] > last ? highs[l] : last;
    }
    double start = first < INFINITY ? first : 0.0;
    *origin = start;
    if (last - first > L->reach) return 1;
    VECTOR_LOOP
    for (i = 0; i < n; i++) { /* first the time in the frame */
        g[i] = vector_select(vector_mask(t[i] < INFINITY), t[i] - start, 0.0);
        f[i] = vector_select(vector_mask(t[i] < INFINITY), per_c, 0.0);
    }
    if (L->kind == RATIO_ONE) {
        VECTOR_LOOP
        for (i = 0; i < n; i++) {
            double grow = f[i] * vector_exp_within(g[i] / tau_syn);
            f[i] = grow;
            g[i] = grow * g[i];
        }
    } else {
        VECTOR_LOOP
        for (i = 0; i < n; i++) {
            double grow = f[i] * vector_exp_within(g[i] / tau_syn);
            f[i] = grow;
            g[i] = grow * (-vector_expm1_within(-rate * g[i]) / rate);
        }
    }
    return 0;
}

/* Bring the sources' spikes S->t into powers of e. Returns whether that is possible for all samples. */
VECTOR_INLINE int lanes_powers(const lanes_layer *L, lanes_scratch *S, double *origin) {
    double last[LANES], tau_mem = L->unit.tau_mem;
    ptrdiff_t i, l;
    int64_t far = 0;
    VECTOR_LOOP
    for (l = 0; l < LANES; l++) {
        origin[l] = INFINITY;
        last[l] = -INFINITY;
    }
    for (i = 0; i < L->n_in; i++) {
        const double *t = S->t + i * LANES;
        VECTOR_LOOP
        for (l = 0; l < LANES; l++) {
            double time = t[l], there = time < INFINITY ? time : -INFINITY;
            origin[l] = time < origin[l] ? time : origin[l];
            last[l] = there > last[l] ? there : last[l];
        }
    }
    VECTOR_LOOP
    for (l = 0; l < LANES; l++) {
        origin[l] = origin[l] < INFINITY ? origin[l] : 0.0;
        far |= last[l] - origin[l] > LANES_SPAN * tau_mem ? (int64_t)1 : 0;
    }
    if (far || !L->powers) return 0;
    for (i = 0; i < L->n_in; i++) {
        const double *t = S->t + i * LANES;
        double *u = S->u + i * LANES;
        VECTOR_LOOP
        for (l = 0; l < LANES; l++)
            u[l] = vector_select(vector_mask(t[l] < INFINITY), (t[l] - origin[l]) / tau_mem, 700.0);
        VECTOR_LOOP
        for (l = 0; l < LANES; l++) u[l] = vector_exp_within(u[l]);
    }
    return 1;
}

/* Write the arrivals of synapse i at neuron j, one in each sample. */
VECTOR_INLINE void lanes_arrivals(const lanes_layer *L, const lanes_noise *noise, ptrdiff_t i, ptrdiff_t j,
                                  const double *t, double *x) {
    double delay = L->delay[j * L->in_stride + i];
    ptrdiff_t l;
    VECTOR_LOOP
    for (l = 0; l < LANES; l++) x[l] = t[l] + delay;
    if (noise->jitter)
        for (l = 0; l < noise->n_samples; l++) x[l] += noise->jitter[(l * L->n_in + i) * L->n_post + j];
}

#endif
