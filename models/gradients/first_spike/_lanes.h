/* First-spike times and derivatives where every synapse has a delay of its own: the arithmetic.

   Arrivals then come in another order for each target, so nothing can be sorted once for all neurons of
   a layer. Instead LANES samples go side by side through one neuron: a sorting network, the same for
   all of them, orders pairs (arrival, weight) without a branch; then the sums of `_rows.h` run
   over the arrivals until every sample has found its crossing.

   For tau_mem = 2 tau_syn nothing but products is needed. With u = e^{t/tau_mem}, e^{(t + d)/tau_mem} is
   one factor of the source's spike times one of the delay, arrivals are sorted by it, and

       v / v_th = (b1 - b2 / u) / u,    b1 = a sum w u_i,   b2 = a sum w u_i^2,   a = tau_mem / (c_mem v_th),

   reaches 1 where u^2 - b1 u + b2 = 0. Below threshold the left side is positive, so it crosses before the
   next arrival if it is not positive there, or if it has a minimum in between that is not.
   Other ratios, and spans too long for a power, step the state from arrival to arrival.

   Derivatives need no order: arrival by arrival, they are kappa and kappa' of `_rows.h`. */

#ifndef EVENTSIM_FIRST_SPIKE_LANES_H
#define EVENTSIM_FIRST_SPIKE_LANES_H

#include "_rows.h"

#define LANES 32      /* samples side by side: four registers of the widest kind */
#define LANES_NEVER 1e300   /* u of what does not arrive, or more */
#define LANES_SPAN 250.0    /* longest time in a sample, in tau_mem, for u to be a power; as much for a delay */

typedef struct {
    ptrdiff_t n_in, in_stride, n_post;
    rows_layer unit;            /* constants of the neurons, with c_mem = theta = 1 */
    const rows_layer *units;    /* (n_post,) the same for each neuron, or NULL if all are alike */
    double c_mem;
    int powers;               /* whether all delays are short enough for u */
    const double *theta;      /* (n_post,) v_th - v_leak */
    const double *weight;     /* (n_post, in_stride) */
    const double *delay;      /* (n_post, in_stride) */
    const double *grow;       /* (n_post, in_stride) e^{delay/tau_mem} */
    const int32_t *pairs;     /* (n_pairs, 2) what the sorting network compares */
    ptrdiff_t n_pairs;
} lanes_layer;

VECTOR_INLINE const rows_layer *lanes_unit(const lanes_layer *L, ptrdiff_t j) {
    return L->units ? L->units + j : &L->unit;
}

/* Memory of one thread, (n_in, LANES) each. */
typedef struct {
    double *t, *u;            /* spikes of the sources, and e^{(t - origin)/tau_mem} of them */
    double *key, *w;          /* arrivals at one neuron and their weights */
} lanes_scratch;

/* What a run adds to the network, of one block of samples; NULL for nothing. */
typedef struct {
    const double *jitter;     /* (n_samples, n_in, n_post) of the delays */
    const double *theta;      /* (n_samples, n_post) of the thresholds */
    ptrdiff_t n_samples;      /* of the block that there are */
} lanes_noise;

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

VECTOR_INLINE void lanes_arrivals(const lanes_layer *L, const lanes_noise *noise, ptrdiff_t i, ptrdiff_t j,
                                  const double *t, double *x) {
    double delay = L->delay[j * L->in_stride + i];
    ptrdiff_t l;
    VECTOR_LOOP
    for (l = 0; l < LANES; l++) x[l] = t[l] + delay;
    if (noise->jitter)
        for (l = 0; l < noise->n_samples; l++) x[l] += noise->jitter[(l * L->n_in + i) * L->n_post + j];
}

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

/* ------------------------------------------------------------------ derivatives */

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
