/* First-spike times of a layer whose inputs arrive in the same order at every neuron, one sample after the other.

   Equations: see _layer_records.h. */

#ifndef EVENTSIM_FIRST_SPIKE_ROWS_FORWARD_H
#define EVENTSIM_FIRST_SPIKE_ROWS_FORWARD_H

#include <stdlib.h>
#include "_crossings.h"
#include "_layer_frames.h"

/* ------------------------------------------------------------------ order of the arrivals */

typedef struct { double time; int32_t index; } rows_arrival;

static int rows_compare(const void *a, const void *b) {
    const rows_arrival *p = (const rows_arrival *)a, *q = (const rows_arrival *)b;
    if (p->time != q->time) return p->time < q->time ? -1 : 1;
    return p->index < q->index ? -1 : 1;
}


/* Sort t (padded with inf) by (time, index) and return how many arrive at all, or -1 if memory is out.
   Buckets, then insertion; if the times crowd in few buckets, the library's sort. */
VECTOR_INLINE ptrdiff_t rows_sort(ptrdiff_t n, const double *t, rows_scratch *S) {
    double lows[VECTOR_LANES], highs[VECTOR_LANES], first, last;
    int64_t finite[VECTOR_LANES];
    ptrdiff_t m = 0, k, i, l, n_buckets;
    for (l = 0; l < VECTOR_LANES; l++) {
        lows[l] = INFINITY;
        highs[l] = -INFINITY;
        finite[l] = 0;
    }
    for (i = 0; i < n; i += VECTOR_LANES)
        for (l = 0; l < VECTOR_LANES; l++) {
            double time = t[i + l], arrives = time < INFINITY ? time : -INFINITY;
            lows[l] = time < lows[l] ? time : lows[l];
            highs[l] = arrives > highs[l] ? arrives : highs[l];
            finite[l] += time < INFINITY ? 1 : 0;
        }
    first = lows[0], last = highs[0];
    for (l = 0; l < VECTOR_LANES; l++) {
        first = lows[l] < first ? lows[l] : first;
        last = highs[l] > last ? highs[l] : last;
        m += (ptrdiff_t)finite[l];
    }
    if (m == 0) return 0;
    n_buckets = ROWS_BUCKETS * m;
    double scale = (n_buckets - 1) / (last - first);
    if (!(scale < 1e300)) scale = 0.0;
    for (k = 0; k <= n_buckets; k++) S->count[k] = 0;
    for (i = 0; i < n; i++) {
        double place = t[i] < INFINITY ? (t[i] - first) * scale : n_buckets; /* never: after all others */
        S->bucket[i] = (int32_t)(place < n_buckets ? place : n_buckets);
    }
    for (i = 0; i < n; i++) S->count[S->bucket[i]]++;
    for (k = 0, i = 0; k <= n_buckets; k++) {
        int32_t here = S->count[k];
        S->count[k] = (int32_t)i;
        i += here;
    }
    for (i = 0; i < n; i++) {
        int32_t at = S->count[S->bucket[i]]++;
        S->sorted[at] = t[i];
        S->order[at] = (int32_t)i;
    }
    int64_t moves = 0;
    for (k = 1; k < m && moves <= 16 * (int64_t)m; k++) {
        double time = S->sorted[k];
        int32_t index = S->order[k];
        for (i = k; i > 0 && S->sorted[i - 1] > time; i--, moves++) {
            S->sorted[i] = S->sorted[i - 1];
            S->order[i] = S->order[i - 1];
        }
        S->sorted[i] = time;
        S->order[i] = index;
    }
    if (k < m) {
        rows_arrival *all = (rows_arrival *)malloc(m * sizeof *all);
        if (!all) return -1;
        for (k = 0, i = 0; i < n; i++)
            if (t[i] < INFINITY) {
                all[k].time = t[i];
                all[k++].index = (int32_t)i;
            }
        qsort(all, m, sizeof *all, rows_compare);
        for (k = 0; k < m; k++) {
            S->sorted[k] = all[k].time;
            S->order[k] = all[k].index;
        }
        free(all);
    }
    return m;
}

/* ------------------------------------------------------------------ one layer, one sample */

/* Factors of the sorted arrivals. Returns 1 if one frame serves them all. */
VECTOR_INLINE int rows_factors(const rows_layer *L, ptrdiff_t m, rows_scratch *S) {
    double tau_mem = L->tau_mem, tau_syn = L->tau_syn, rate = L->rate, per_c = 1.0 / L->c_mem;
    const double *t = S->sorted;
    ptrdiff_t k;
    int single = t[m - 1] - t[0] <= L->reach;
    double *x = S->h; /* first the time in the frame, then h of it */
    if (single)
        for (k = 0; k < m; k++) x[k] = t[k] - t[0];
    else {
        double origin = t[0];
        for (k = 0; k < m; k++) {
            if (t[k] - origin > L->reach) origin = t[k];
            x[k] = t[k] - origin;
        }
    }
    if (L->kind == RATIO_ONE) {
        VECTOR_LOOP
        for (k = 0; k < m; k++) {
            double grow = vector_exp(x[k] / tau_syn), decay = 1.0 / grow;
            S->f[k] = grow * per_c;
            S->g[k] = grow * per_c * x[k];
            S->decay_mem[k] = S->decay_syn[k] = decay;
        }
    } else {
        VECTOR_LOOP
        for (k = 0; k < m; k++) {
            double grow = vector_exp(x[k] / tau_syn), h = -vector_expm1(-rate * x[k]) / rate;
            S->decay_mem[k] = vector_exp(-x[k] / tau_mem);
            S->f[k] = grow * per_c;
            S->g[k] = grow * per_c * h;
            S->h[k] = h;
            S->decay_syn[k] = 1.0 / grow;
        }
    }
    /* The tangent at the k-th arrival, extended to the next one, reaches theta:
       bound_p P + bound_q Q >= theta. */
    VECTOR_LOOP
    for (k = 0; k < m - 1; k++) {
        double gap = t[k + 1] - t[k], p = S->decay_mem[k] * (1.0 - gap / tau_mem);
        S->bound_p[k] = p;
        S->bound_q[k] = p * S->h[k] + gap * S->decay_syn[k];
    }
    return single;
}

#define ROWS_BLOCK 128 /* neurons that are advanced together */
#define ROWS_FEW 32    /* arrivals: with more of them few neurons reach their bound between two of them */

/* The interval between two arrivals: what turns P and Q into the state at its start and end. */
typedef struct { double em, es, h, gap, gap_h, gap_decay; } rows_interval;

VECTOR_INLINE void rows_state(const rows_interval *I, double P, double Q, double *alpha, double *beta) {
    *alpha = I->em * (P + Q * I->h);
    *beta = I->es * Q;
}

/* Whether a neuron that reached its bound is certain to cross threshold in the interval, or may. */
VECTOR_INLINE int64_t rows_certain(const rows_layer *L, const rows_interval *I, double alpha, double beta) {
    return vector_mask(alpha >= L->theta) | vector_mask(I->gap_decay * (alpha + beta * I->gap_h) >= L->theta);
}

VECTOR_INLINE int64_t rows_doubtful(const rows_layer *L, const rows_interval *I, double alpha, double beta) {
    double v = I->gap_decay * (alpha + beta * I->gap_h);
    double slope = beta * I->gap_decay * (1.0 - L->rate * I->gap_h) - v / L->tau_mem;
    /* The current must exceed the leak at threshold, and v come down again before the next arrival; or
       it crosses with the next arrival, as far as rounding tells. */
    double peak = rows_peak(L, alpha, beta, v, slope, I->gap);
    int64_t peaks = vector_mask(slope < 0.0) & vector_mask(peak >= L->theta);
    return vector_mask(beta * L->tau_mem > L->theta) & (peaks | vector_mask(v >= L->theta * (1.0 - 0x1p-48)));
}

/* Advance `width` neurons from `first` on over all arrivals. Crossings that are certain are left, as the
   state at the arrival before, for a common solution; doubtful ones are looked at here. */
VECTOR_INLINE void rows_scan(const rows_layer *L, ptrdiff_t first, ptrdiff_t width, ptrdiff_t m, int single,
                             rows_scratch *S, double *T, double *slope) {
    const double *weight = L->weight + first, *t = S->sorted;
    double tau_mem = L->tau_mem, theta = L->theta, reach = L->reach, origin = t[0];
    double *P = S->P + first, *Q = S->Q + first;
    double *limit = S->theta + first, *start = S->x + first;
    double *alpha = S->alpha + first, *beta = S->beta + first;
    double *gap = S->limit + first;
    int64_t hit[ROWS_BLOCK], left = L->n_post - first < width ? L->n_post - first : width;
    ptrdiff_t k, l, j, n;
    VECTOR_LOOP
    for (l = 0; l < width; l++) {
        P[l] = Q[l] = alpha[l] = beta[l] = start[l] = gap[l] = 0.0;
        limit[l] = l < left ? theta : INFINITY;
    }
    for (k = 0; k < m && left > 0; k++) {
        const double *w = weight + S->order[k] * L->stride;
        double f = S->f[k], g = S->g[k], bp = S->bound_p[k], bq = S->bound_q[k];
        int64_t reached = 0, certain = 0;
        if (!single && t[k] - origin > reach) { /* move the frame's origin to this arrival */
            double x = t[k] - origin, em = exp(-x / tau_mem), es = exp(-x / L->tau_syn), h = rows_h(L, x);
            if (em == 0.0) h = 0.0; /* all is forgotten */
            VECTOR_LOOP
            for (l = 0; l < width; l++) {
                P[l] = em * (P[l] + Q[l] * h);
                Q[l] = es * Q[l];
            }
            origin = t[k];
        }
        if (k == m - 1 || t[k + 1] == t[k]) { /* nothing can happen within one instant */
            VECTOR_LOOP
            for (l = 0; l < width; l++) {
                P[l] -= w[l] * g;
                Q[l] += w[l] * f;
            }
            continue;
        }
        VECTOR_LOOP
        for (l = 0; l < width; l++) {
            double p = P[l] - w[l] * g, q = Q[l] + w[l] * f;
            P[l] = p;
            Q[l] = q;
            reached |= p * bp + q * bq >= limit[l] ? (int64_t)1 : 0;
        }
        if (!reached) continue;
        rows_interval I = {S->decay_mem[k], S->decay_syn[k], S->h[k], t[k + 1] - t[k], 0.0, 0.0};
        I.gap_h = rows_h(L, I.gap);
        I.gap_decay = vector_exp(-I.gap / tau_mem);
        n = 0, reached = 0;
        if (m > ROWS_FEW) {
            VECTOR_LOOP
            for (l = 0; l < width; l++) hit[l] = P[l] * bp + Q[l] * bq >= limit[l] ? 1 : 0;
            for (l = 0; l < width; l++) { /* without branches, which nobody could predict */
                S->pick[n] = (int32_t)l;
                n += (ptrdiff_t)hit[l];
            }
            for (j = 0; j < n; j++) {
                double a, b;
                l = S->pick[j];
                rows_state(&I, P[l], Q[l], &a, &b);
                hit[l] = 0;
                if (rows_certain(L, &I, a, b)) {
                    alpha[l] = a;
                    beta[l] = b;
                    start[l] = t[k];
                    gap[l] = I.gap;
                    limit[l] = INFINITY;
                    left--;
                } else
                    hit[l] = rows_doubtful(L, &I, a, b);
                reached |= hit[l];
            }
        } else {
            int64_t count[ROWS_BLOCK];
            VECTOR_LOOP
            for (l = 0; l < width; l++) {
                double a, b;
                rows_state(&I, P[l], Q[l], &a, &b);
                int64_t bound = vector_mask(P[l] * bp + Q[l] * bq >= limit[l]);
                int64_t above = rows_certain(L, &I, a, b), sure = bound & above;
                hit[l] = bound & ~above & rows_doubtful(L, &I, a, b);
                alpha[l] = vector_select(sure, a, alpha[l]);
                beta[l] = vector_select(sure, b, beta[l]);
                start[l] = vector_select(sure, t[k], start[l]);
                gap[l] = vector_select(sure, I.gap, gap[l]);
                limit[l] = vector_select(sure, INFINITY, limit[l]);
                count[l] = sure;
            }
            for (l = 0; l < width; l++) {
                certain -= count[l];
                reached |= hit[l];
            }
            left -= certain;
        }
        if (!reached) continue;
        for (l = 0, n = 0; l < width; l++)
            if (hit[l]) {
                S->pick[n] = (int32_t)l;
                rows_state(&I, P[l], Q[l], &S->doubt_alpha[n], &S->doubt_beta[n]);
                n++;
            }
        for (j = n; j % VECTOR_LANES; j++) S->doubt_alpha[j] = S->doubt_beta[j] = 0.0;
        rows_solve_rising(L, j, S->doubt_alpha, S->doubt_beta, S->wait, S->current);
        for (j = 0; j < n; j++)
            if (S->wait[j] <= I.gap) {
                l = S->pick[j];
                T[first + l] = t[k] + S->wait[j];
                slope[first + l] = S->current[j] - theta / tau_mem;
                limit[l] = INFINITY;
                left--;
            }
    }
    if (left > 0) { /* after the last arrival */
        rows_interval I = {S->decay_mem[m - 1], S->decay_syn[m - 1], S->h[m - 1], 0.0, 0.0, 0.0};
        VECTOR_LOOP
        for (l = 0; l < width; l++) {
            double a, b;
            rows_state(&I, P[l], Q[l], &a, &b);
            int64_t may = vector_mask(b * tau_mem > theta) & vector_mask(limit[l] < INFINITY);
            alpha[l] = vector_select(may, a, alpha[l]);
            beta[l] = vector_select(may, b, beta[l]);
            start[l] = vector_select(may, t[m - 1], start[l]);
            gap[l] = vector_select(may, INFINITY, gap[l]);
        }
    }
}

/* First-spike times T and slopes of v there, (n, stride), of n samples, ROWS_TOGETHER at most, from their
   arrivals t (n, in_stride; inf: none). S is the memory of n samples. Weights that do not fit in the cache
   are read once for all of them. Returns 0, or -1 if memory is out. */
VECTOR_CLONES
static int rows_forward(const rows_layer *L, ptrdiff_t n, const double *t, double *T, double *slope,
                        rows_scratch *S) {
    ptrdiff_t m[ROWS_TOGETHER], s, j, first = 0;
    int single[ROWS_TOGETHER];
    for (s = 0; s < n; s++) {
        m[s] = rows_sort(L->n_in, t + s * L->in_stride, &S[s]);
        if (m[s] < 0) return -1;
        single[s] = m[s] ? rows_factors(L, m[s], &S[s]) : 1;
    }
    VECTOR_LOOP
    for (j = 0; j < n * L->stride; j++) {
        T[j] = INFINITY;
        slope[j] = 0.0;
    }
    for (; L->stride - first >= 16; first += ROWS_BLOCK) {
        ptrdiff_t width = L->stride - first < ROWS_BLOCK ? L->stride - first : ROWS_BLOCK;
        for (s = 0; s < n; s++)
            if (m[s])
                rows_scan(L, first, width, m[s], single[s], &S[s], T + s * L->stride, slope + s * L->stride);
    }
    if (L->stride - first == 8) /* fits in registers */
        for (s = 0; s < n; s++)
            if (m[s]) rows_scan(L, first, 8, m[s], single[s], &S[s], T + s * L->stride,
                                slope + s * L->stride);
    for (s = 0; s < n; s++) {
        const double *alpha = S[s].alpha, *beta = S[s].beta, *start = S[s].x, *gap = S[s].limit;
        const double *waits = S[s].wait, *currents = S[s].current;
        double *time = T + s * L->stride, *rise = slope + s * L->stride;
        if (!m[s]) continue;
        rows_solve_rising(L, L->stride, S[s].alpha, S[s].beta, S[s].wait, S[s].current);
        VECTOR_LOOP
        for (j = 0; j < L->stride; j++) {
            /* Certain to cross within the gap, so rounding must not move it out; at once if above. */
            int above = alpha[j] >= L->theta, open = (time[j] == INFINITY) & (beta[j] > 0.0);
            double wait = above ? 0.0 : waits[j], current = above ? beta[j] : currents[j];
            wait = wait <= gap[j] ? wait : gap[j];
            time[j] = open ? start[j] + wait : time[j];
            rise[j] = open & (wait < INFINITY) ? current - L->theta / L->tau_mem : rise[j];
        }
    }
    return 0;
}

/* ------------------------------------------------------------------ measured spikes, not the model's */

/* The closed forms take a measured time T: the causal set is that of T, the sums and the slope are
   the model's. Then every derivative has the form above with a kernel time T' and a slope that may
   differ from the model's at T; a slope of 0 says that the model would not spike with this set.
   For equal time constants T' = T and the slope is e^{(T_model - T)/tau} v'(T_model), as in the closed
   form; for tau_mem = 2 tau_syn e^{-T'/tau_mem} = (s + c e^{T/tau_mem})/a_1 as published (Göltz et al. 2021,
   methods); in general T' = T. */
VECTOR_CLONES
static void rows_measured(const rows_layer *L, const double *t, const double *T, double *kernel_time,
                          double *slope, rows_scratch *S) {
    ptrdiff_t i, j, l;
    double origin;
    int several = rows_prepare(L, t, S->f, S->g, &origin);
    for (j = 0; j < L->stride; j++) {
        const double *w = L->transposed + (j < L->n_post ? j : 0) * L->in_stride;
        double alpha[VECTOR_LANES] = {0}, beta[VECTOR_LANES] = {0}, a = 0.0, b = 0.0;
        kernel_time[j] = T[j];
        slope[j] = 0.0;
        S->alpha[j] = S->beta[j] = S->x[j] = 0.0;
        if (j >= L->n_post || !(T[j] < INFINITY)) continue;
        if (several) {
            for (i = 0; i < L->in_stride; i += VECTOR_LANES) /* t is padded with inf */
                for (l = 0; l < VECTOR_LANES; l++) {
                    int causal = t[i + l] <= T[j];
                    double s = causal ? T[j] - t[i + l] : 0.0, h = rows_h(L, s);
                    double e = w[i + l] * vector_exp(-s / L->tau_mem) / L->c_mem;
                    alpha[l] += causal ? e * h : 0.0;
                    beta[l] += causal ? e * (1.0 - L->rate * h) : 0.0;
                }
        } else { /* - P and Q of the frame */
            for (i = 0; i < L->in_stride; i += VECTOR_LANES)
                for (l = 0; l < VECTOR_LANES; l++) {
                    alpha[l] += t[i + l] <= T[j] ? w[i + l] * S->g[i + l] : 0.0;
                    beta[l] += t[i + l] <= T[j] ? w[i + l] * S->f[i + l] : 0.0;
                }
            S->x[j] = T[j] - origin;
        }
        for (l = 0; l < VECTOR_LANES; l++) {
            a += alpha[l];
            b += beta[l];
        }
        S->alpha[j] = a;
        S->beta[j] = b;
    }
    if (!several)
        VECTOR_LOOP
        for (j = 0; j < L->stride; j++) {
            double x = S->x[j], Q = S->beta[j];
            S->alpha[j] = vector_exp(-x / L->tau_mem) * (rows_h(L, x) * Q - S->alpha[j]);
            S->beta[j] = vector_exp(-x / L->tau_syn) * Q;
        }
    rows_solve(L, 1, 0, L->stride, S->alpha, S->beta, S->wait, S->current);
    for (j = 0; j < L->n_post; j++) {
        double s = S->wait[j], late = -s; /* the model spikes s after T */
        if (!(s < INFINITY) || !(T[j] < INFINITY)) continue;
        if (L->kind == RATIO_TWO) {
            /* relative to T: a_1 -> tau_mem beta, c -> theta, s -> sqrt(A^2 - 4 B theta) */
            double B = L->tau_mem * S->beta[j], A = S->alpha[j] + B;
            double x = (sqrt(A * A - 4.0 * B * L->theta) + L->theta) / B;
            kernel_time[j] = T[j] - L->tau_mem * log(x);
            late = kernel_time[j] - T[j] - s;
        }
        slope[j] = (S->current[j] - L->theta / L->tau_mem) * exp(-late / L->tau_mem);
    }
}

#endif
