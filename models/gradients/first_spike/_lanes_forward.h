/* First-spike times where every synapse has a delay of its own.

   Arrivals then come in another order for each target, so nothing can be sorted once for all neurons of
   a layer. Instead LANES samples go side by side through one neuron: a sorting network, the same for
   all of them, orders pairs (arrival, weight) without a branch; then the sums of `_layer_records.h` run
   over the arrivals until every sample has found its crossing.

   For tau_mem = 2 tau_syn nothing but products is needed. With u = e^{t/tau_mem}, e^{(t + d)/tau_mem} is
   one factor of the source's spike times one of the delay, arrivals are sorted by it, and

       v / v_th = (b1 - b2 / u) / u,    b1 = a sum w u_i,   b2 = a sum w u_i^2,   a = tau_mem / (c_mem v_th),

   reaches 1 where u^2 - b1 u + b2 = 0. Below threshold the left side is positive, so it crosses before the
   next arrival if it is not positive there, or if it has a minimum in between that is not.
   Other ratios, and spans too long for a power, step the state from arrival to arrival.

   Derivatives need no order: arrival by arrival, they are kappa and kappa' of `_layer_records.h`. */

#ifndef EVENTSIM_FIRST_SPIKE_LANES_FORWARD_H
#define EVENTSIM_FIRST_SPIKE_LANES_FORWARD_H

#include "_crossings.h"
#include "_layer_frames.h"

VECTOR_INLINE void lanes_sort(const lanes_layer *L, double *key, double *w) {
    ptrdiff_t p, l;
    for (p = 0; p < L->n_pairs; p++) {
        double *one = key + L->pairs[2 * p] * LANES, *other = key + L->pairs[2 * p + 1] * LANES;
        double *mine = w + L->pairs[2 * p] * LANES, *its = w + L->pairs[2 * p + 1] * LANES;
        VECTOR_LOOP
        for (l = 0; l < LANES; l++) {
            double a = one[l], b = other[l], c = mine[l], d = its[l];
            int64_t later = vector_mask(b < a);
            one[l] = vector_select(later, b, a);
            other[l] = vector_select(later, a, b);
            mine[l] = vector_select(later, d, c);
            its[l] = vector_select(later, c, d);
        }
    }
}

/* ------------------------------------------------------------------ forward */

/* tau_mem = 2 tau_syn: S->key has u of the sorted arrivals, S->w the weights times a. */
VECTOR_INLINE void lanes_scan_powers(const lanes_layer *L, const lanes_scratch *S, const double *origin,
                                     double *T, double *slope) {
    double b1[LANES], b2[LANES], at1[LANES], at2[LANES], low[LANES], high[LANES];
    double tau_mem = L->unit.tau_mem;
    int64_t open[LANES];
    ptrdiff_t k, l;
    VECTOR_LOOP
    for (l = 0; l < LANES; l++) {
        b1[l] = b2[l] = low[l] = high[l] = 0.0;
        at1[l] = at2[l] = 1.0;
        open[l] = -1;
    }
    for (k = 0; k < L->n_in; k++) {
        const double *u = S->key + k * LANES, *w = S->w + k * LANES;
        const double *following = u + (k + 1 < L->n_in ? LANES : 0);
        int64_t left = 0;
        VECTOR_LOOP
        for (l = 0; l < LANES; l++) {
            double term = w[l] * u[l], one = b1[l] + term, two = b2[l] + term * u[l];
            double next = k + 1 < L->n_in ? following[l] : LANES_NEVER, half = 0.5 * one;
            int64_t there = vector_mask(next * (next - one) + two <= 0.0);
            int64_t before = vector_mask(half > u[l]) & vector_mask(half < next) & vector_mask(half * half >= two);
            int64_t hit = (there | before) & open[l];
            b1[l] = one;
            b2[l] = two;
            at1[l] = vector_select(hit, one, at1[l]);
            at2[l] = vector_select(hit, two, at2[l]);
            low[l] = vector_select(hit, u[l], low[l]);
            high[l] = vector_select(hit, next, high[l]);
            open[l] &= ~hit;
            left |= open[l];
        }
        if (!left) break;
    }
    VECTOR_LOOP
    for (l = 0; l < LANES; l++) {
        double square = at1[l] * at1[l] - 4.0 * at2[l];
        double u = 2.0 * at2[l] / (at1[l] + sqrt(square > 0.0 ? square : 0.0));
        u = u > low[l] ? u : low[l]; /* rounding must not move it out */
        u = u < high[l] ? u : high[l];
        u = vector_select(open[l], 1.0, u);
        double time = origin[l] + tau_mem * vector_log(u), rise = (at2[l] / (u * u) - 1.0) / tau_mem;
        T[l] = vector_select(open[l], INFINITY, time);
        slope[l] = vector_select(open[l], 0.0, rise);
    }
}

/* Any ratio: S->key has the sorted arrival times, S->w the weights over c_mem theta. */
VECTOR_INLINE void lanes_scan_times(const rows_layer *N, ptrdiff_t n_in, const lanes_scratch *S, double *T,
                                    double *slope) {
    double v[LANES], current[LANES], alpha[LANES], beta[LANES], start[LANES], gaps[LANES];
    double open[LANES], waits[LANES], currents[LANES], a[LANES], b[LANES];
    double tau_mem = N->tau_mem;
    ptrdiff_t k, l;
    VECTOR_LOOP
    for (l = 0; l < LANES; l++) {
        v[l] = current[l] = alpha[l] = beta[l] = start[l] = gaps[l] = 0.0;
        open[l] = 1.0;
        T[l] = INFINITY;
        slope[l] = 0.0;
    }
    for (k = 0; k < n_in; k++) {
        const double *x = S->key + k * LANES, *w = S->w + k * LANES;
        const double *following = x + (k + 1 < n_in ? LANES : 0);
        int64_t left = 0, doubtful = 0, doubt[LANES];
        double gap[LANES];
        VECTOR_LOOP
        for (l = 0; l < LANES; l++) {
            double next = k + 1 < n_in ? following[l] : INFINITY;
            int last = (next == INFINITY) & (x[l] < INFINITY);
            double step = next < INFINITY ? next - x[l] : 0.0;
            double i = current[l] + w[l], decay = vector_exp(-step / tau_mem), h = rows_h(N, step);
            double then = decay * (v[l] + i * h), i_then = i * decay * (1.0 - N->rate * h);
            double rise = i_then - then / tau_mem;
            double peak = rows_peak(N, v[l], i, then, rise, step);
            int64_t waiting = vector_mask(open[l] > 0.0), may = waiting & vector_mask(i * tau_mem > 1.0);
            int64_t sure = waiting & ~vector_mask(last) & (vector_mask(then >= 1.0) | vector_mask(v[l] >= 1.0));
            int64_t peaks = vector_mask(rise < 0.0) & vector_mask(peak >= 1.0) & vector_mask(step > 0.0);
            doubt[l] = may & ~sure & (vector_mask(last) | peaks | vector_mask(then >= 1.0 - 0x1p-48));
            alpha[l] = vector_select(sure, v[l], alpha[l]);
            beta[l] = vector_select(sure, i, beta[l]);
            start[l] = vector_select(sure, x[l], start[l]);
            gaps[l] = vector_select(sure, step, gaps[l]);
            open[l] = vector_select(sure, 0.0, open[l]);
            a[l] = vector_select(doubt[l], v[l], 0.0);
            b[l] = vector_select(doubt[l], i, 0.0);
            gap[l] = last ? INFINITY : step;
            v[l] = then;
            current[l] = i_then;
            doubtful |= doubt[l];
            left |= open[l] > 0.0 ? (int64_t)1 : 0;
        }
        if (doubtful) {
            rows_solve(N, 0, 1, LANES, a, b, waits, currents);
            left = 0;
            VECTOR_LOOP
            for (l = 0; l < LANES; l++) {
                int above = a[l] >= 1.0, hit = (doubt[l] != 0) & (above | (waits[l] <= gap[l]));
                double wait = above ? 0.0 : waits[l], i = above ? b[l] : currents[l];
                hit = hit & (wait < INFINITY);
                T[l] = hit ? x[l] + wait : T[l];
                slope[l] = hit ? i - 1.0 / tau_mem : slope[l];
                open[l] = hit ? 0.0 : open[l];
                left |= open[l] > 0.0 ? (int64_t)1 : 0;
            }
        }
        if (!left) break;
    }
    rows_solve(N, 0, 1, LANES, alpha, beta, waits, currents);
    VECTOR_LOOP
    for (l = 0; l < LANES; l++) {
        int above = alpha[l] >= 1.0, found = (T[l] == INFINITY) & (open[l] == 0.0);
        double wait = above ? 0.0 : waits[l], i = above ? beta[l] : currents[l];
        wait = wait <= gaps[l] ? wait : gaps[l];
        T[l] = found ? start[l] + wait : T[l];
        slope[l] = found ? i - 1.0 / tau_mem : slope[l];
    }
}

/* First-spike times T and slopes of v there, (n_post, LANES), from the sources' spikes in S->t. */
VECTOR_CLONES
static void lanes_forward(const lanes_layer *L, const lanes_noise *noise, double *T, double *slope,
                          lanes_scratch *S) {
    double origin[LANES], theta[LANES], scale[LANES];
    int powers = L->unit.kind == RATIO_TWO && !L->units && !noise->jitter && lanes_powers(L, S, origin);
    ptrdiff_t i, j, l;
    for (j = 0; j < L->n_post; j++) {
        const double *weight = L->weight + j * L->in_stride, *delay = L->delay + j * L->in_stride;
        const double *grow = L->grow + j * L->in_stride;
        for (l = 0; l < LANES; l++) {
            theta[l] = L->theta[j];
            if (noise->theta && l < noise->n_samples) theta[l] += noise->theta[l * L->n_post + j];
            scale[l] = (powers ? L->unit.tau_mem : 1.0) / (L->c_mem * theta[l]);
        }
        if (powers) {
            for (i = 0; i < L->n_in; i++) {
                const double *u = S->u + i * LANES;
                double *key = S->key + i * LANES, *w = S->w + i * LANES;
                VECTOR_LOOP
                for (l = 0; l < LANES; l++) {
                    int64_t arrives = vector_mask(u[l] < LANES_NEVER);
                    key[l] = vector_select(arrives, u[l] * grow[i], LANES_NEVER);
                    w[l] = vector_select(arrives, weight[i] * scale[l], 0.0);
                }
            }
            lanes_sort(L, S->key, S->w);
            lanes_scan_powers(L, S, origin, T + j * LANES, slope + j * LANES);
        } else {
            for (i = 0; i < L->n_in; i++) {
                const double *t = S->t + i * LANES;
                double *key = S->key + i * LANES, *w = S->w + i * LANES;
                VECTOR_LOOP
                for (l = 0; l < LANES; l++) {
                    key[l] = t[l] + delay[i];
                    w[l] = vector_select(vector_mask(t[l] < INFINITY), weight[i] * scale[l], 0.0);
                }
                if (noise->jitter)
                    for (l = 0; l < noise->n_samples; l++)
                        key[l] += noise->jitter[(l * L->n_in + i) * L->n_post + j];
            }
            lanes_sort(L, S->key, S->w);
            lanes_scan_times(lanes_unit(L, j), L->n_in, S, T + j * LANES, slope + j * LANES);
        }
        VECTOR_LOOP
        for (l = 0; l < LANES; l++) slope[j * LANES + l] *= theta[l];
    }
}

/* ------------------------------------------------------------------ measured spikes, not the model's */

/* As rows_measured, for the sources' spikes in S->t; all (n_post, LANES). */
VECTOR_CLONES
static void lanes_measured(const lanes_layer *L, const lanes_noise *noise, const double *T,
                           double *kernel_time,
                           double *slope, lanes_scratch *S) {
    double alpha[LANES], beta[LANES], x[LANES], waits[LANES], currents[LANES];
    ptrdiff_t i, j, l;
    for (j = 0; j < L->n_post; j++) {
        const double *last = T + j * LANES, *weight = L->weight + j * L->in_stride;
        double *kernel = kernel_time + j * LANES, *rise = slope + j * LANES, theta = L->theta[j];
        const rows_layer *N = lanes_unit(L, j);
        VECTOR_LOOP
        for (l = 0; l < LANES; l++) alpha[l] = beta[l] = 0.0;
        for (i = 0; i < L->n_in; i++) {
            double w = weight[i] / (L->c_mem * theta);
            lanes_arrivals(L, noise, i, j, S->t + i * LANES, x);
            VECTOR_LOOP
            for (l = 0; l < LANES; l++) {
                int64_t causal = vector_mask(x[l] <= last[l]) & vector_mask(last[l] < INFINITY);
                double s = vector_select(causal, last[l] - x[l], 0.0), h = rows_h(N, s);
                double e = w * vector_exp(-s / N->tau_mem);
                alpha[l] += vector_select(causal, e * h, 0.0);
                beta[l] += vector_select(causal, e * (1.0 - N->rate * h), 0.0);
            }
        }
        rows_solve(N, 1, 1, LANES, alpha, beta, waits, currents);
        VECTOR_LOOP
        for (l = 0; l < LANES; l++) {
            int spikes = (waits[l] < INFINITY) & (last[l] < INFINITY);
            double s = spikes ? waits[l] : 0.0, late = -s; /* the model spikes s after T */
            kernel[l] = last[l];
            if (N->kind == RATIO_TWO) {
                double B = spikes ? N->tau_mem * beta[l] : 1.0, A = alpha[l] + B, square = A * A - 4.0 * B;
                double wide = (sqrt(square > 0.0 ? square : 0.0) + 1.0) / B;
                double shift = -N->tau_mem * vector_log(wide);
                kernel[l] = spikes ? last[l] + shift : last[l];
                late = shift - s;
            }
            rise[l] = spikes ? theta * (currents[l] - 1.0 / N->tau_mem) * vector_exp(-late / N->tau_mem) : 0.0;
        }
    }
}

#endif
