/* First-spike times of one layer and their exact derivatives: the arithmetic, free of Python.

   Times are relative to a frame that starts at the layer's first arrival. With r = 1/tau_syn - 1/tau_mem
   and h(x) = (1 - e^{-r x}) / r (h(x) = x for equal time constants), a neuron at rest that has
   received weights w_i at x_i has

       v(x) - v_leak = e^{-x/tau_mem} (P + Q h(x)),      i_syn(x) / c_mem = Q e^{-x/tau_syn},
       Q = sum_i w_i f_i,   P = - sum_i w_i g_i,   f_i = e^{x_i/tau_syn} / c_mem,   g_i = f_i h(x_i),

   for every ratio of the time constants, without a pole where they are equal. A delivery is two
   additions with factors that all neurons share. On the rising branch v is concave, so its tangent at
   an arrival bounds it until the next one: only a neuron whose bound reaches the threshold needs a
   closer look. The same sums give the derivatives: with s = T - x_i,

       kappa(s) = e^{-s/tau_mem} h(s) / c_mem = e^{-T/tau_mem} (h(T) f_i - g_i),
       dT/dw_i = - kappa(T - x_i) / v'(T),        dT/dx_i = w_i kappa'(T - x_i) / v'(T),

   a rank two matrix in (i, j), masked by x_i <= T_j (Göltz et al. 2021, general tau_mem/tau_syn).

   Rows are padded to VECTOR_LANES; padding has weight 0 and never spikes. Indices are ptrdiff_t: with
   the -fwrapv that Python is built with, gcc does not turn loops over an int into vectors. */

#ifndef EVENTSIM_FIRST_SPIKE_ROWS_H
#define EVENTSIM_FIRST_SPIKE_ROWS_H

#include <stddef.h>
#include <stdlib.h>
#include "eventsim/kernels/vector.h"

enum { RATIO_ONE, RATIO_TWO, RATIO_ANY };

typedef struct {
    ptrdiff_t n_in, in_stride; /* arrivals per sample, padded */
    ptrdiff_t n_post, stride;  /* neurons, padded */
    int kind;                  /* RATIO_ONE, RATIO_TWO, RATIO_ANY */
    double tau_mem, tau_syn, c_mem;
    double theta;              /* v_th - v_leak > 0 */
    double rate;               /* 1/tau_syn - 1/tau_mem; exactly 0 for RATIO_ONE */
    double reach;              /* longest time after the frame's origin before it is moved */
    double peak;               /* largest value of kappa */
    const double *weight;      /* (n_in, stride) */
    const double *transposed;  /* (n_post, in_stride) */
} rows_layer;

/* Memory of one thread, for the largest layer: every array has room for max(in_stride, stride) + 8. */
typedef struct {
    int32_t *order, *bucket, *count;         /* count: ROWS_BUCKETS times as large */
    double *sorted;                          /* arrival times in order */
    double *f, *g, *bound_p, *bound_q;       /* factors of the k-th arrival */
    double *decay_mem, *decay_syn, *h, *x;
    double *P, *Q, *theta;                   /* state of the neurons */
    double *alpha, *beta, *limit;            /* crossings to be solved */
    double *wait, *current;
    int32_t *pick;
    double *doubt_alpha, *doubt_beta;
    double *time_p, *time_q;                 /* coefficients of dT/dx */
} rows_scratch;

/* h(x) and e^{-x/tau_mem}, e^{-x/tau_syn} */
VECTOR_INLINE double rows_h(const rows_layer *L, double x) {
    return L->kind == RATIO_ONE ? x : -vector_expm1(-L->rate * x) / L->rate;
}

/* ------------------------------------------------------------------ order of the arrivals */

typedef struct { double time; int32_t index; } rows_arrival;

static int rows_compare(const void *a, const void *b) {
    const rows_arrival *p = (const rows_arrival *)a, *q = (const rows_arrival *)b;
    if (p->time != q->time) return p->time < q->time ? -1 : 1;
    return p->index < q->index ? -1 : 1;
}

#define ROWS_BUCKETS 4 /* for each arrival: fewer leave more to insertion, whose branches are hard to predict */

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

/* ------------------------------------------------------------------ threshold crossings */

#define ROWS_GROUP 32 /* neurons whose crossings are sought together: enough to hide the latency of a step */

/* Time to the rising crossing from v - v_leak = alpha, i_syn / c_mem = beta, for n (a multiple of
   VECTOR_LANES) neurons: `wait` (inf if there is none) and the current beta e^{-s/tau_syn} then.
   The state at 0 is below threshold and the crossing later; with `anywhere` neither need be. With `alone` no
   neuron's result depends on the others', not even to the last bit. */
VECTOR_INLINE void rows_solve(const rows_layer *L, int anywhere, int alone, ptrdiff_t n, const double *alpha,
                              const double *beta, double *wait, double *current) {
    double theta = L->theta, tau_mem = L->tau_mem, tau_syn = L->tau_syn, rate = L->rate;
    double a[ROWS_GROUP], b[ROWS_GROUP], y[ROWS_GROUP];
    int64_t live[ROWS_GROUP]; /* not solved yet */
    ptrdiff_t j, l;
    int turn;
    for (j = 0; j < n; j += ROWS_GROUP) {
        ptrdiff_t width = n - j < ROWS_GROUP ? n - j : ROWS_GROUP;
        if (alone)
            for (l = 0; l < ROWS_GROUP; l++) live[l] = -1;
        if (L->kind == RATIO_TWO) {
            /* A x - B x^2 = theta for x = e^{-s/tau_mem}; the earlier crossing is the larger root. */
            VECTOR_LOOP
            for (l = 0; l < width; l++) {
                double B = tau_mem * beta[j + l], A = alpha[j + l] + B;
                double square = A * A - 4.0 * B * theta;
                double x = (A + sqrt(square > 0.0 ? square : 0.0)) / (2.0 * B);
                int crosses = (B > 0.0) & (A > 0.0) & (square >= 0.0) & (anywhere | (x <= 1.0));
                x = crosses ? x : 1.0;
                wait[j + l] = crosses ? -tau_mem * vector_log(x) : INFINITY;
                current[j + l] = beta[j + l] * x * x;
            }
        } else if (L->kind == RATIO_ONE) {
            /* a + b y = e^y, y = s/tau, a + b y - e^y has negative second and third derivatives: a
               parabola through a point left of the root lies above it, so its own root is still left
               of the true one. Cubic convergence, at a tangent crossing too. This root is
               y = -a/b - W0(-e^{-a/b}/b) (Göltz et al. 2021). */
            VECTOR_LOOP
            for (l = 0; l < width; l++) {
                double al = alpha[j + l] / theta, bl = beta[j + l] * tau_mem / theta;
                double rest = bl > 0.0 ? -al / bl : 0.0; /* v passes v_leak: left of the root */
                a[l] = al;
                b[l] = bl;
                y[l] = anywhere | (rest > 0.0) ? rest : 0.0;
            }
            for (turn = 0; turn < 64; turn++) {
                int64_t moving = 0;
                VECTOR_LOOP
                for (l = 0; l < width; l++) {
                    double e = vector_exp(y[l]);
                    double value = a[l] + b[l] * y[l] - e, slope = b[l] - e;
                    double square = slope * slope + 2.0 * value * e;
                    double root = sqrt(square > 0.0 ? square : 0.0);
                    double step = -2.0 * value / (slope + root);
                    int rises = (slope > 0.0) & (square >= 0.0);
                    step = rises ? step : 0.0;
                    double next = rises ? y[l] + step : INFINITY;
                    y[l] = alone ? vector_select(live[l], next, y[l]) : next;
                    /* what is left is about e step^3 / (6 root) */
                    int64_t more = e * step * step * step > 1e-16 * root ? (int64_t)-1 : 0;
                    if (alone) live[l] &= more;
                    moving |= more;
                }
                if (!moving) break;
            }
            VECTOR_LOOP
            for (l = 0; l < width; l++) {
                wait[j + l] = y[l] * tau_mem;
                current[j + l] = beta[j + l] / (a[l] + b[l] * y[l]);
            }
        } else {
            /* Newton from the left: v is concave where it rises, so every step falls short. */
            VECTOR_LOOP
            for (l = 0; l < width; l++) {
                double past = beta[j + l] > 0.0 ? rate * alpha[j + l] / beta[j + l] : -1.0;
                y[l] = 0.0;
                if (anywhere) y[l] = past > -1.0 ? -log1p(past) / rate : INFINITY; /* v passes v_leak */
            }
            for (turn = 0; turn < 100; turn++) {
                int64_t moving = 0;
                VECTOR_LOOP
                for (l = 0; l < width; l++) {
                    double s = y[l], decay = vector_exp(-s / tau_mem), h = -vector_expm1(-rate * s) / rate;
                    double v = decay * (alpha[j + l] + beta[j + l] * h);
                    double slope = beta[j + l] * decay * (1.0 - rate * h) - v / tau_mem;
                    double step = (theta - v) / slope;
                    int rises = (slope > 0.0) & (s < INFINITY);
                    step = rises ? step : 0.0;
                    double next = rises ? s + step : INFINITY;
                    y[l] = alone ? vector_select(live[l], next, s) : next;
                    int64_t more = step > 4e-16 * (tau_syn + (s > 0.0 ? s : -s)) ? (int64_t)-1 : 0;
                    if (alone) live[l] &= more;
                    moving |= more;
                }
                if (!moving) break;
            }
            VECTOR_LOOP
            for (l = 0; l < width; l++) {
                wait[j + l] = y[l];
                current[j + l] = beta[j + l] * vector_exp(-(y[l] < INFINITY ? y[l] : 0.0) / tau_syn);
            }
        }
    }
}

/* Bound of v between alpha, beta at one arrival and v, slope < 0 at the next, `gap` later: while v is
   concave it lies below both tangents, so below the point where they meet. */
VECTOR_INLINE double rows_peak(const rows_layer *L, double alpha, double beta, double v, double slope,
                               double gap) {
    double start = beta - alpha / L->tau_mem, current = slope + v / L->tau_mem;
    double curvature = -slope / L->tau_mem - current / L->tau_syn;
    double meet = alpha + start * (v - alpha - slope * gap) / (start - slope);
    meet = vector_select(vector_mask(curvature < 0.0), meet, INFINITY);
    return vector_select(vector_mask(start > 0.0), meet, alpha);
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

#define ROWS_TOGETHER 8 /* samples, of a layer whose weights do not fit in the cache */
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
        rows_solve(L, 0, 0, j, S->doubt_alpha, S->doubt_beta, S->wait, S->current);
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
   arrivals t (n,
               in_stride; inf: none). S is the memory of n samples. Weights that do not fit in the cache are
   read once for all of them. Returns 0, or -1 if memory is out. */
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
        rows_solve(L, 0, 0, L->stride, S[s].alpha, S[s].beta, S[s].wait, S[s].current);
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

/* ------------------------------------------------------------------ derivatives */

/* kappa(s) and its derivative, s of either sign */
VECTOR_INLINE double rows_kappa(const rows_layer *L, double s) {
    return vector_exp(-s / L->tau_mem) * rows_h(L, s) / L->c_mem;
}

VECTOR_INLINE double rows_kappa_slope(const rows_layer *L, double s) {
    return vector_exp(-s / L->tau_mem) * (1.0 - (L->rate + 1.0 / L->tau_mem) * rows_h(L, s)) / L->c_mem;
}

/* (1 - (1 + z) e^{-z}) / z^2 times e^{-s/tau_mem}, where z = rate s. */
VECTOR_INLINE double rows_bend(const rows_layer *L, double s) {
    double z = L->rate * s, sum = 0.0, term = 0.5;
    int k;
    if (z > 0.5 || z < -0.5)
        return (vector_exp(-s / L->tau_mem) - (1.0 + z) * vector_exp(-s / L->tau_syn)) / (z * z);
    for (k = 0; k < 16; k++) { /* sum of (k + 1) (-z)^k / (k + 2)! */
        sum += term * (k + 1);
        term *= -z / (k + 3);
    }
    return sum * vector_exp(-s / L->tau_mem);
}

/* Add dL/dtau_mem and dL/dtau_syn of one neuron: weights w and arrivals t (n_in), spike time T, `scale` =
   delta / slope. With h of the head of this file and z = rate s, dh/drate = -s^2 (1 - (1 + z) e^{-z}) / z^2. */
static void rows_constants(const rows_layer *L, ptrdiff_t n_in, const double *t, const double *w, double T,
                           double kernel_time, double scale, double *by_mem, double *by_syn) {
    double mem = 0.0, syn = 0.0;
    ptrdiff_t i;
    for (i = 0; i < n_in; i++) {
        if (!(t[i] <= T)) continue;
        double s = kernel_time - t[i], bend = s * s * rows_bend(L, s);
        mem += w[i] * (s * vector_exp(-s / L->tau_mem) * rows_h(L, s) - bend);
        syn += w[i] * bend;
    }
    *by_mem -= scale * mem / (L->c_mem * L->tau_mem * L->tau_mem);
    *by_syn -= scale * syn / (L->c_mem * L->tau_syn * L->tau_syn);
}

/* From delta = dL/dT (stride) the coefficients of the derivatives of the loss:
       dL/dw_ij = p_j f_i + q_j g_i,      dL/dx_i = sum_j w_ij (time_p_j f_i + time_q_j g_i)
   where t_i <= T_j. If the arrivals take `several` frames, p = -delta/slope stands before kappa and time_p =
   delta/slope before kappa'. A neuron whose largest dL/dw exceeds max_dw_norm has p = q = 0. */
VECTOR_CLONES
static void rows_coefficients(const rows_layer *L, const double *t, const double *f, const double *g,
                              double origin, int several, int measured, const double *T,
                              const double *kernel_time, const double *slope, const double *delta,
                              double max_dw_norm, double *p, double *q, rows_scratch *S) {
    double tau_mem = L->tau_mem, rate = L->rate;
    ptrdiff_t i, j, n = L->stride;
    double *scale = S->current, *x = S->x; /* delta / slope, and the time in the frame */
    VECTOR_LOOP
    for (j = 0; j < n; j++) {
        int64_t spikes = vector_mask(T[j] < INFINITY) & vector_mask(slope[j] > 0.0);
        scale[j] = vector_select(spikes, delta[j] / slope[j], 0.0);
        x[j] = vector_select(spikes, kernel_time[j] - origin, 0.0);
        p[j] = -scale[j];
        q[j] = S->time_q[j] = 0.0;
        S->time_p[j] = scale[j];
    }
    if (!several) {
        VECTOR_LOOP
        for (j = 0; j < n; j++) p[j] = vector_clamp(-x[j] / tau_mem);
        if (L->kind == RATIO_ONE) {
            VECTOR_LOOP
            for (j = 0; j < n; j++) {
                double decay = scale[j] * vector_exp_within(p[j]);
                p[j] = -decay * x[j];
                S->time_p[j] = decay * (1.0 - x[j] / tau_mem);
                q[j] = decay;
                S->time_q[j] = decay / tau_mem;
            }
        } else {
            VECTOR_LOOP
            for (j = 0; j < n; j++) x[j] = vector_clamp(-rate * x[j]);
            VECTOR_LOOP
            for (j = 0; j < n; j++) {
                double decay = scale[j] * vector_exp_within(p[j]), h = -vector_expm1_within(x[j]) / rate;
                p[j] = -decay * h;
                S->time_p[j] = decay * (1.0 - (rate + 1.0 / tau_mem) * h);
                q[j] = decay;
                S->time_q[j] = decay / tau_mem;
            }
        }
    }
    if (!(max_dw_norm < INFINITY)) return;
    for (j = 0; j < L->n_post; j++) {
        double lanes[VECTOR_LANES] = {0}, largest = 0.0;
        ptrdiff_t l;
        if (!measured && !(fabs(delta[j]) * L->peak > max_dw_norm * slope[j])) continue; /* the usual case */
        if (p[j] == 0.0 && q[j] == 0.0) continue;
        if (several) {
            for (i = 0; i < L->n_in; i++) {
                double dw = t[i] <= T[j] ? fabs(p[j] * rows_kappa(L, kernel_time[j] - t[i])) : 0.0;
                largest = dw > largest ? dw : largest;
            }
        } else { /* t is padded with inf */
            for (i = 0; i < L->in_stride; i += VECTOR_LANES)
                for (l = 0; l < VECTOR_LANES; l++) {
                    double dw = t[i + l] <= T[j] ? fabs(p[j] * f[i + l] + q[j] * g[i + l]) : 0.0;
                    lanes[l] = dw > lanes[l] ? dw : lanes[l];
                }
            for (l = 0; l < VECTOR_LANES; l++) largest = lanes[l] > largest ? lanes[l] : largest;
        }
        if (largest > max_dw_norm) p[j] = q[j] = 0.0;
    }
}

/* Add dL/dx_i to out for the n inputs from `first` on, after rows_coefficients. */
VECTOR_CLONES
static void rows_send(const rows_layer *L, ptrdiff_t first, ptrdiff_t n, const double *t, const double *f,
                      const double *g, int several, const double *T, const double *kernel_time, double *out,
                      rows_scratch *S) {
    ptrdiff_t i, j;
    t += first, f += first, g += first;
    for (j = 0; j < L->n_post; j++) {
        const double *w = L->transposed + j * L->in_stride + first;
        double p = S->time_p[j], q = S->time_q[j], last = T[j], x = kernel_time[j];
        if (p == 0.0 && q == 0.0) continue;
        if (several)
            VECTOR_LOOP
            for (i = 0; i < n; i++)
                out[i] += t[i] <= last ? w[i] * p * rows_kappa_slope(L, x - t[i]) : 0.0;
        else
            VECTOR_LOOP
            for (i = 0; i < n; i++) out[i] += t[i] <= last ? w[i] * (p * f[i] + q * g[i]) : 0.0;
    }
}

/* Sum dL/dw over the samples, in their order, for the rows [low, high) of `gradient` (n_in, n_post).
   Arrays of the inputs are (n_samples, in_stride), of the neurons (n_samples, stride). */
VECTOR_CLONES
static void rows_sum_rows(const rows_layer *L, ptrdiff_t low, ptrdiff_t high, ptrdiff_t n_samples,
                          const double *t, const double *f, const double *g, const int32_t *several,
                          const double *T, const double *kernel_time, const double *p, const double *q,
                          double *gradient) {
    ptrdiff_t first, last, i, j, s;
    for (i = low; i < high; i++)
        for (j = 0; j < L->n_post; j++) gradient[i * L->n_post + j] = 0.0;
    /* Few rows at a time stay in the first cache while the samples pass by. */
    for (first = low; first < high; first = last) {
        last = high - first < 8 ? high : first + 8;
        for (s = 0; s < n_samples; s++) {
            const double *Ts = T + s * L->stride, *ps = p + s * L->stride, *qs = q + s * L->stride;
            const double *xs = kernel_time + s * L->stride;
            for (i = first; i < last; i++) {
                double *row = gradient + i * L->n_post, ti = t[s * L->in_stride + i];
                double fi = f[s * L->in_stride + i], gi = g[s * L->in_stride + i];
                if (!(ti < INFINITY)) continue;
                if (several[s]) {
                    VECTOR_LOOP
                    for (j = 0; j < L->n_post; j++)
                        row[j] += ti <= Ts[j] && ps[j] != 0.0 ? ps[j] * rows_kappa(L, xs[j] - ti) : 0.0;
                } else {
                    VECTOR_LOOP
                    for (j = 0; j < L->n_post; j++) row[j] += ti <= Ts[j] ? ps[j] * fi + qs[j] * gi : 0.0;
                }
            }
        }
    }
}

/* The same for few neurons, the columns [low, high); the sum is kept transposed (n_post, in_stride). */
VECTOR_CLONES
static void rows_sum_columns(const rows_layer *L, ptrdiff_t low, ptrdiff_t high, ptrdiff_t n_samples,
                             const double *t, const double *f, const double *g, const int32_t *several,
                             const double *T, const double *kernel_time, const double *p, const double *q,
                             double *gradient, double *transposed) {
    ptrdiff_t i, j, s;
    for (j = low; j < high; j++) {
        double *sum = transposed + j * L->in_stride;
        for (i = 0; i < L->n_in; i++) sum[i] = 0.0;
        for (s = 0; s < n_samples; s++) {
            const double *ts = t + s * L->in_stride, *fi = f + s * L->in_stride;
            const double *gi = g + s * L->in_stride;
            ptrdiff_t at = s * L->stride + j;
            double last = T[at], pj = p[at], qj = q[at], x = kernel_time[at];
            if (pj == 0.0 && qj == 0.0) continue;
            if (several[s])
                VECTOR_LOOP
                for (i = 0; i < L->n_in; i++) sum[i] += ts[i] <= last ? pj * rows_kappa(L, x - ts[i]) : 0.0;
            else
                VECTOR_LOOP
                for (i = 0; i < L->n_in; i++) sum[i] += ts[i] <= last ? pj * fi[i] + qj * gi[i] : 0.0;
        }
        for (i = 0; i < L->n_in; i++) gradient[i * L->n_post + j] = sum[i];
    }
}

#endif
