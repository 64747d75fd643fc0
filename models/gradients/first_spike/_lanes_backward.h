/* Derivatives of first-spike times where every synapse has a delay of its own.

   Samples go side by side, as in _lanes_forward.h. Derivatives need no order of the arrivals: each adds kappa and
   kappa' of _layer_records.h. */

#ifndef EVENTSIM_FIRST_SPIKE_LANES_BACKWARD_H
#define EVENTSIM_FIRST_SPIKE_LANES_BACKWARD_H

#include "_layer_frames.h"

/* Add up lanes in a fixed order. */
VECTOR_INLINE double lanes_total(const double *lanes) {
    double half[VECTOR_LANES / 2];
    int l;
    for (l = 0; l < VECTOR_LANES / 2; l++) half[l] = lanes[l] + lanes[l + VECTOR_LANES / 2];
    return (half[0] + half[2]) + (half[1] + half[3]);
}

/* What one neuron needs for derivatives in a block of samples. */
typedef struct {
    double last[LANES], kernel[LANES]; /* spike time, and the time that the closed forms hold */
    double scale[LANES];                  /* delta / slope, 0 without a spike */
    double inverse[LANES];                /* e^{-(kernel - origin)/tau_mem} */
    double keep[LANES];                   /* 1, or 0 where the weight gradient is too large */
} lanes_neuron;

/* c_mem kappa and c_mem kappa' of LANES arrivals of one synapse at one neuron; 0 if not causal. */
VECTOR_INLINE void lanes_kappas(const lanes_layer *L, const lanes_noise *noise, int powers,
                                const lanes_neuron *M,
                                ptrdiff_t i, ptrdiff_t j, const lanes_scratch *S, double *kappa, double *kappa_slope) {
    const rows_layer *N = lanes_unit(L, j);
    const double *t = S->t + i * LANES, *u = S->u + i * LANES;
    double delay = L->delay[j * L->in_stride + i], grow = L->grow[j * L->in_stride + i], x[LANES];
    double tau_mem = N->tau_mem;
    ptrdiff_t l;
    if (N->kind == RATIO_TWO && powers) {
        VECTOR_LOOP
        for (l = 0; l < LANES; l++) {
            int64_t causal = vector_mask(t[l] + delay <= M->last[l]);
            double decay = u[l] * grow * M->inverse[l], square = decay * decay;
            kappa[l] = vector_select(causal, tau_mem * (decay - square), 0.0);
            kappa_slope[l] = vector_select(causal, 2.0 * square - decay, 0.0);
        }
        return;
    }
    lanes_arrivals(L, noise, i, j, t, x);
    if (N->kind == RATIO_ONE && powers) {
        VECTOR_LOOP
        for (l = 0; l < LANES; l++) {
            int64_t causal = vector_mask(x[l] <= M->last[l]);
            double decay = u[l] * grow * M->inverse[l], s = M->kernel[l] - x[l];
            kappa[l] = vector_select(causal, decay * s, 0.0);
            kappa_slope[l] = vector_select(causal, decay * (1.0 - s / tau_mem), 0.0);
        }
        return;
    }
    VECTOR_LOOP
    for (l = 0; l < LANES; l++) {
        int64_t causal = vector_mask(x[l] <= M->last[l]);
        double s = vector_select(causal, M->kernel[l] - x[l], 0.0), decay = vector_exp(-s / tau_mem);
        double h = rows_h(N, s);
        kappa[l] = vector_select(causal, decay * h, 0.0);
        kappa_slope[l] = vector_select(causal, decay * (1.0 - (N->rate + 1.0 / tau_mem) * h), 0.0);
    }
}

/* From delta = dL/dT (n_post, LANES) add the derivatives of a block of samples: dL/dw and dL/ddelay to
   by_weight and by_delay (n_post, in_stride), dL/dtheta to by_theta (n_post), and dL/dt of the sources'
   spikes to sent (n_in, LANES) unless it is NULL. The sources' spikes are in S->t. */
VECTOR_CLONES
static void lanes_backward(const lanes_layer *L, const lanes_noise *noise, int measured, const double *T,
                           const double *kernel_time, const double *slope, const double *delta,
                           double max_dw_norm, double *by_weight, double *by_delay, double *by_theta,
                           double *sent, lanes_scratch *S) {
    double origin[LANES], kappa[LANES], kappa_slope[LANES], largest[LANES];
    double sum_w[VECTOR_LANES], sum_d[VECTOR_LANES], per_c = 1.0 / L->c_mem;
    int powers = L->unit.kind != RATIO_ANY && !L->units && !noise->jitter && lanes_powers(L, S, origin);
    ptrdiff_t i, j, l, q;
    lanes_neuron M;
    for (j = 0; j < L->n_post; j++) {
        const double *weight = L->weight + j * L->in_stride;
        double peak = lanes_unit(L, j)->peak;
        int64_t active = 0, large = 0;
        VECTOR_LOOP
        for (l = 0; l < LANES; l++) {
            ptrdiff_t at = j * LANES + l;
            int64_t spikes = vector_mask(T[at] < INFINITY) & vector_mask(slope[at] > 0.0);
            double scale = vector_select(spikes, delta[at] / slope[at], 0.0);
            M.last[l] = vector_select(spikes, T[at], -INFINITY);
            M.kernel[l] = vector_select(spikes, kernel_time[at], 0.0);
            M.scale[l] = scale;
            M.keep[l] = 1.0;
            active |= vector_mask(scale != 0.0);
            large |= vector_mask(fabs(scale) * peak * per_c > max_dw_norm);
        }
        if (!active) continue;
        if (powers) {
            VECTOR_LOOP
            for (l = 0; l < LANES; l++)
                M.inverse[l] = vector_clamp((origin[l] - M.kernel[l]) / L->unit.tau_mem);
            VECTOR_LOOP
            for (l = 0; l < LANES; l++) M.inverse[l] = vector_exp_within(M.inverse[l]);
        }
        if (large || (measured && max_dw_norm < INFINITY)) {
            VECTOR_LOOP
            for (l = 0; l < LANES; l++) largest[l] = 0.0;
            for (i = 0; i < L->n_in; i++) {
                lanes_kappas(L, noise, powers, &M, i, j, S, kappa, kappa_slope);
                VECTOR_LOOP
                for (l = 0; l < LANES; l++) {
                    double dw = M.scale[l] * kappa[l] * per_c;
                    largest[l] = fabs(dw) > largest[l] ? fabs(dw) : largest[l];
                }
            }
            VECTOR_LOOP
            for (l = 0; l < LANES; l++)
                M.keep[l] = vector_select(vector_mask(largest[l] > max_dw_norm), 0.0, 1.0);
        }
        for (i = 0; i < L->n_in; i++) {
            double w = weight[i] * per_c;
            lanes_kappas(L, noise, powers, &M, i, j, S, kappa, kappa_slope);
            for (l = 0; l < VECTOR_LANES; l++) sum_w[l] = sum_d[l] = 0.0;
            for (q = 0; q < LANES; q += VECTOR_LANES)
                for (l = 0; l < VECTOR_LANES; l++) {
                    double by_time = w * (M.scale[q + l] * kappa_slope[q + l]);
                    sum_w[l] += M.keep[q + l] * (M.scale[q + l] * kappa[q + l]);
                    sum_d[l] += by_time;
                    kappa_slope[q + l] = by_time;
                }
            by_weight[j * L->in_stride + i] -= lanes_total(sum_w) * per_c;
            by_delay[j * L->in_stride + i] += lanes_total(sum_d);
            if (sent) {
                double *out = sent + i * LANES;
                VECTOR_LOOP
                for (l = 0; l < LANES; l++) out[l] += kappa_slope[l];
            }
        }
        for (l = 0; l < VECTOR_LANES; l++) sum_w[l] = 0.0;
        for (q = 0; q < LANES; q += VECTOR_LANES)
            for (l = 0; l < VECTOR_LANES; l++) sum_w[l] += M.scale[q + l];
        by_theta[j] += lanes_total(sum_w);
    }
}

#endif
