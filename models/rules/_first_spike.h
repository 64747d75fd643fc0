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

   Rows are padded to VECTOR_LANES; padding has weight 0 and never spikes. */

#ifndef EVENTSIM_FIRST_SPIKE_H
#define EVENTSIM_FIRST_SPIKE_H

#include <stdlib.h>
#include "vector.h"

enum { RATIO_ONE, RATIO_TWO, RATIO_ANY };

typedef struct {
    int n_in, in_stride;      /* arrivals per sample, padded */
    int n_post, stride;       /* neurons, padded */
    int kind;                 /* RATIO_ONE, RATIO_TWO, RATIO_ANY */
    double tau_mem, tau_syn, c_mem;
    double theta;             /* v_th - v_leak > 0 */
    double rate;              /* 1/tau_syn - 1/tau_mem; exactly 0 for RATIO_ONE */
    double reach;             /* longest time after the frame's origin before it is moved */
    double peak;              /* largest value of kappa */
    const double *weight;     /* (n_in, stride) */
    const double *transposed; /* (n_post, in_stride) */
} fs_layer;

/* Memory of one thread, for the largest layer: every array has room for max(in_stride, stride) + 8. */
typedef struct {
    int32_t *order, *bucket, *count;
    double *sorted;                          /* arrival times in order */
    double *f, *g, *bound_p, *bound_q;       /* factors of the k-th arrival */
    double *decay_mem, *decay_syn, *h, *x;
    double *P, *Q, *theta;                   /* state of the neurons */
    double *alpha, *beta, *limit;            /* crossings to be solved */
    double *wait, *current;
    int32_t *unit;
    double *time_p, *time_q;                 /* coefficients of dT/dx */
} fs_scratch;

/* h(x) and e^{-x/tau_mem}, e^{-x/tau_syn} */
VECTOR_INLINE double fs_h(const fs_layer *L, double x) {
    return L->kind == RATIO_ONE ? x : -vector_expm1(-L->rate * x) / L->rate;
}

/* ------------------------------------------------------------------ order of the arrivals */

typedef struct { double time; int32_t index; } fs_arrival;

static int fs_compare(const void *a, const void *b) {
    const fs_arrival *p = (const fs_arrival *)a, *q = (const fs_arrival *)b;
    if (p->time != q->time) return p->time < q->time ? -1 : 1;
    return p->index < q->index ? -1 : 1;
}

/* Sort by (time, index) and return how many arrive at all, or -1 if memory is out. One bucket for each
   arrival, then insertion; if the times crowd in few buckets, the library's sort. */
VECTOR_INLINE int fs_sort(int n, const double *t, fs_scratch *S) {
    double first = INFINITY, last = -INFINITY;
    int m = 0, k, i;
    for (i = 0; i < n; i++) {
        double finite = t[i] < INFINITY ? t[i] : -INFINITY;
        first = t[i] < first ? t[i] : first;
        last = finite > last ? finite : last;
        m += t[i] < INFINITY;
    }
    if (m == 0) return 0;
    double scale = (m - 1) / (last - first);
    if (!(scale < 1e300)) scale = 0.0;
    for (k = 0; k <= m; k++) S->count[k] = 0;
    for (i = 0; i < n; i++) {
        double place = (t[i] - first) * scale;
        S->bucket[i] = (int32_t)(place < m ? place : m); /* never arriving: after all others */
    }
    for (i = 0; i < n; i++)
        if (t[i] < INFINITY) S->count[S->bucket[i]]++;
    for (k = 0, i = 0; k <= m; k++) {
        int here = S->count[k];
        S->count[k] = i;
        i += here;
    }
    for (i = 0; i < n; i++)
        if (t[i] < INFINITY) {
            int at = S->count[S->bucket[i]]++;
            S->sorted[at] = t[i];
            S->order[at] = i;
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
        fs_arrival *all = (fs_arrival *)malloc(m * sizeof *all);
        if (!all) return -1;
        for (k = 0, i = 0; i < n; i++)
            if (t[i] < INFINITY) {
                all[k].time = t[i];
                all[k++].index = i;
            }
        qsort(all, m, sizeof *all, fs_compare);
        for (k = 0; k < m; k++) {
            S->sorted[k] = all[k].time;
            S->order[k] = all[k].index;
        }
        free(all);
    }
    return m;
}

/* ------------------------------------------------------------------ threshold crossings */

/* Time to the rising crossing from v - v_leak = alpha, i_syn / c_mem = beta, for n (a multiple of
   VECTOR_LANES) neurons: `wait` (inf if there is none) and the current beta e^{-s/tau_syn} then.
   The state at 0 is below threshold and the crossing later; with `anywhere` neither need be. */
VECTOR_INLINE void fs_solve(const fs_layer *L, int anywhere, int n, const double *alpha, const double *beta,
                            double *wait, double *current) {
    double theta = L->theta, tau_mem = L->tau_mem, tau_syn = L->tau_syn, rate = L->rate;
    int j, l, turn;
    for (j = 0; j < n; j += VECTOR_LANES) {
        if (L->kind == RATIO_TWO) {
            /* A x - B x^2 = theta for x = e^{-s/tau_mem}; the earlier crossing is the larger root. */
            for (l = 0; l < VECTOR_LANES; l++) {
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
            double a[VECTOR_LANES], b[VECTOR_LANES], y[VECTOR_LANES];
            for (l = 0; l < VECTOR_LANES; l++) {
                a[l] = alpha[j + l] / theta;
                b[l] = beta[j + l] * tau_mem / theta;
                double rest = b[l] > 0.0 ? -a[l] / b[l] : 0.0; /* v passes v_leak: left of the root */
                y[l] = anywhere | (rest > 0.0) ? rest : 0.0;
            }
            for (turn = 0; turn < 64; turn++) {
                int64_t moving = 0;
                for (l = 0; l < VECTOR_LANES; l++) {
                    double e = vector_exp(y[l]);
                    double value = a[l] + b[l] * y[l] - e, slope = b[l] - e;
                    double square = slope * slope + 2.0 * value * e;
                    double step = -2.0 * value / (slope + sqrt(square > 0.0 ? square : 0.0));
                    int rises = (slope > 0.0) & (square >= 0.0);
                    step = rises ? step : 0.0;
                    y[l] = rises ? y[l] + step : INFINITY;
                    moving |= step > 1e-6 ? 1 : 0;
                }
                if (!moving) break; /* the step after one of 1e-6 would be 1e-18 */
            }
            for (l = 0; l < VECTOR_LANES; l++) {
                wait[j + l] = y[l] * tau_mem;
                current[j + l] = beta[j + l] / (a[l] + b[l] * y[l]);
            }
        } else {
            /* Newton from the left: v is concave where it rises, so every step falls short. */
            double s[VECTOR_LANES];
            for (l = 0; l < VECTOR_LANES; l++) {
                double past = beta[j + l] > 0.0 ? rate * alpha[j + l] / beta[j + l] : -1.0;
                s[l] = 0.0;
                if (anywhere) s[l] = past > -1.0 ? -log1p(past) / rate : INFINITY; /* v passes v_leak */
            }
            for (turn = 0; turn < 100; turn++) {
                int64_t moving = 0;
                for (l = 0; l < VECTOR_LANES; l++) {
                    double decay = vector_exp(-s[l] / tau_mem), h = -vector_expm1(-rate * s[l]) / rate;
                    double v = decay * (alpha[j + l] + beta[j + l] * h);
                    double slope = beta[j + l] * decay * (1.0 - rate * h) - v / tau_mem;
                    double step = (theta - v) / slope;
                    int rises = (slope > 0.0) & (s[l] < INFINITY);
                    step = rises ? step : 0.0;
                    s[l] = rises ? s[l] + step : INFINITY;
                    moving |= step > 4e-16 * (tau_syn + (s[l] > 0.0 ? s[l] : -s[l])) ? 1 : 0;
                }
                if (!moving) break;
            }
            for (l = 0; l < VECTOR_LANES; l++) {
                int crosses = s[l] < INFINITY;
                wait[j + l] = s[l];
                current[j + l] = beta[j + l] * vector_exp(-(crosses ? s[l] : 0.0) / tau_syn);
            }
        }
    }
}

/* Fill the last group of a list of n crossings with neurons that cannot spike. */
VECTOR_INLINE int fs_pad(fs_scratch *S, int n) {
    for (; n % VECTOR_LANES; n++) {
        S->alpha[n] = 0.0;
        S->beta[n] = 0.0;
        S->unit[n] = -1;
    }
    return n;
}

VECTOR_INLINE void fs_list(fs_scratch *S, int at, int unit, double alpha, double beta, double limit, double x) {
    S->alpha[at] = alpha;
    S->beta[at] = beta;
    S->limit[at] = limit;
    S->x[at] = x;
    S->unit[at] = unit;
}

/* ------------------------------------------------------------------ one layer, one sample */

/* Factors of the sorted arrivals. Returns 1 if one frame serves them all. */
VECTOR_INLINE int fs_factors(const fs_layer *L, int m, fs_scratch *S) {
    double tau_mem = L->tau_mem, tau_syn = L->tau_syn, rate = L->rate, per_c = 1.0 / L->c_mem;
    const double *t = S->sorted;
    int k, single = t[m - 1] - t[0] <= L->reach;
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
        for (k = 0; k < m; k++) {
            double grow = vector_exp(x[k] / tau_syn), decay = 1.0 / grow;
            S->f[k] = grow * per_c;
            S->g[k] = grow * per_c * x[k];
            S->decay_mem[k] = S->decay_syn[k] = decay;
        }
    } else {
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
    for (k = 0; k < m - 1; k++) {
        double gap = t[k + 1] - t[k], p = S->decay_mem[k] * (1.0 - gap / tau_mem);
        S->bound_p[k] = p;
        S->bound_q[k] = p * S->h[k] + gap * S->decay_syn[k];
    }
    return single;
}

/* Advance `width` neurons from `first` on over all arrivals; lists crossings that are certain behind
   the `*n_found` there are, solves doubtful ones at once. */
VECTOR_INLINE void fs_scan(const fs_layer *L, int first, int width, int m, int single, fs_scratch *S,
                           int *n_found, double *T, double *slope) {
    const double *weight = L->weight + first, *t = S->sorted;
    double tau_mem = L->tau_mem, theta = L->theta, reach = L->reach;
    double *P = S->P + first, *Q = S->Q + first, *limit = S->theta + first, origin = t[0];
    int left = L->n_post - first < width ? L->n_post - first : width, found = *n_found;
    int k, l, j;
    for (l = 0; l < width; l++) {
        P[l] = Q[l] = 0.0;
        limit[l] = l < left ? theta : INFINITY;
    }
    for (k = 0; k < m && left > 0; k++) {
        const double *w = weight + (size_t)S->order[k] * L->stride;
        double f = S->f[k], g = S->g[k], bp = S->bound_p[k], bq = S->bound_q[k], gap;
        int64_t reached = 0;
        if (!single && t[k] - origin > reach) { /* move the frame's origin to this arrival */
            double x = t[k] - origin, em = exp(-x / tau_mem), es = exp(-x / L->tau_syn);
            double h = fs_h(L, x);
            if (em == 0.0) h = 0.0; /* all is forgotten */
            for (l = 0; l < width; l++) {
                P[l] = em * (P[l] + Q[l] * h);
                Q[l] = es * Q[l];
            }
            origin = t[k];
        }
        if (k == m - 1 || t[k + 1] == t[k]) { /* nothing can happen within one instant */
            for (l = 0; l < width; l++) {
                P[l] -= w[l] * g;
                Q[l] += w[l] * f;
            }
            continue;
        }
        for (l = 0; l < width; l++) {
            double p = P[l] - w[l] * g, q = Q[l] + w[l] * f;
            P[l] = p;
            Q[l] = q;
            reached |= p * bp + q * bq >= limit[l] ? (int64_t)1 : 0;
        }
        if (!reached) continue;
        gap = t[k + 1] - t[k];
        double h = fs_h(L, gap), decay = vector_exp(-gap / tau_mem), em = S->decay_mem[k], es = S->decay_syn[k];
        int doubtful = found;
        for (l = 0; l < width; l++) {
            if (!(P[l] * bp + Q[l] * bq >= limit[l])) continue;
            double alpha = em * (P[l] + Q[l] * S->h[k]), beta = es * Q[l];
            if (alpha >= theta || decay * (alpha + beta * h) >= theta) { /* certain: leave it for later */
                /* a doubtful one makes room by moving up */
                if (doubtful > found)
                    fs_list(S, doubtful, S->unit[found], S->alpha[found], S->beta[found], S->limit[found], S->x[found]);
                fs_list(S, found++, first + l, alpha, beta, gap, t[k]);
                doubtful++;
                limit[l] = INFINITY;
                left--;
            } else if (beta * tau_mem > theta) /* the current must exceed the leak at threshold */
                fs_list(S, doubtful++, first + l, alpha, beta, gap, t[k]);
        }
        if (doubtful > found) {
            int from = found - found % VECTOR_LANES;
            fs_pad(S, doubtful);
            fs_solve(L, 0, (doubtful - from + VECTOR_LANES - 1) / VECTOR_LANES * VECTOR_LANES, S->alpha + from,
                     S->beta + from, S->wait + from, S->current + from);
            for (j = found; j < doubtful; j++)
                if (S->wait[j] <= S->limit[j]) {
                    T[S->unit[j]] = S->x[j] + S->wait[j];
                    slope[S->unit[j]] = S->current[j] - theta / tau_mem;
                    limit[S->unit[j] - first] = INFINITY;
                    left--;
                }
        }
    }
    if (left > 0) { /* after the last arrival */
        double em = S->decay_mem[m - 1], es = S->decay_syn[m - 1], h = S->h[m - 1];
        for (l = 0; l < width; l++)
            if (limit[l] < INFINITY && es * Q[l] * tau_mem > theta)
                fs_list(S, found++, first + l, em * (P[l] + Q[l] * h), es * Q[l], INFINITY, t[m - 1]);
    }
    *n_found = found;
}

/* First-spike times T (stride) of a sample from its arrivals t (n_in; inf: none), and the slope of v
   at T. If f is given, the factors f and g (in_stride) are left there in the order of the inputs.
   Returns 0, or 1 if the arrivals span more than one frame (f and g are of no use then), or -1 if
   memory is out. *origin is the start of the frame. */
VECTOR_CLONES
static int fs_forward(const fs_layer *L, const double *t, double *f, double *g, double *T, double *slope,
                      double *origin, fs_scratch *S) {
    int m = fs_sort(L->n_in, t, S), k, j, first = 0, found = 0, single;
    if (m < 0) return -1;
    for (j = 0; j < L->stride; j++) {
        T[j] = INFINITY;
        slope[j] = 0.0;
    }
    if (f)
        for (k = 0; k < L->in_stride; k++) f[k] = g[k] = 0.0;
    *origin = m ? S->sorted[0] : 0.0;
    if (m == 0) return 0;
    single = fs_factors(L, m, S);
    if (f && single)
        for (k = 0; k < m; k++) {
            f[S->order[k]] = S->f[k];
            g[S->order[k]] = S->g[k];
        }
    for (; first + 64 <= L->stride; first += 64) fs_scan(L, first, 64, m, single, S, &found, T, slope);
    for (; first + 32 <= L->stride; first += 32) fs_scan(L, first, 32, m, single, S, &found, T, slope);
    for (; first + 16 <= L->stride; first += 16) fs_scan(L, first, 16, m, single, S, &found, T, slope);
    for (; first + 8 <= L->stride; first += 8) fs_scan(L, first, 8, m, single, S, &found, T, slope);
    fs_solve(L, 0, fs_pad(S, found), S->alpha, S->beta, S->wait, S->current);
    for (k = 0; k < found; k++) {
        /* certain to cross before `limit`; above threshold already if rounding put the crossing past it */
        double wait = S->alpha[k] >= L->theta ? 0.0 : S->wait[k];
        double beta = S->alpha[k] >= L->theta ? S->beta[k] : S->current[k];
        if (S->limit[k] < INFINITY && !(wait <= S->limit[k])) wait = S->limit[k];
        T[S->unit[k]] = S->x[k] + wait;
        slope[S->unit[k]] = beta - L->theta / L->tau_mem;
    }
    return !single;
}

/* ------------------------------------------------------------------ measured spikes instead of the model's */

/* The closed forms take a measured time T: the causal set is that of T, the sums and the slope are
   the model's. Then every derivative has the form above with a kernel time T' and a slope that may
   differ from the model's at T; a slope of 0 says that the model would not spike with this set.
   For equal time constants T' = T and the slope is e^{(T_model - T)/tau} v'(T_model), as in the closed
   form; for tau_mem = 2 tau_syn e^{-T'/tau_mem} = (s + c e^{T/tau_mem})/a_1 as published (Göltz et al. 2021,
   methods); in general T' = T. */
VECTOR_CLONES
static void fs_measured(const fs_layer *L, const double *t, const double *T, double *kernel_time, double *slope,
                        fs_scratch *S) {
    int i, j, l;
    for (j = 0; j < L->stride; j++) {
        const double *w = L->transposed + (size_t)(j < L->n_post ? j : 0) * L->in_stride;
        double alpha[VECTOR_LANES] = {0}, beta[VECTOR_LANES] = {0}, a = 0.0, b = 0.0;
        kernel_time[j] = T[j];
        slope[j] = 0.0;
        S->alpha[j] = S->beta[j] = 0.0;
        if (j >= L->n_post || !(T[j] < INFINITY)) continue;
        for (i = 0; i < L->in_stride; i += VECTOR_LANES) /* t is padded with inf */
            for (l = 0; l < VECTOR_LANES; l++) {
                int causal = t[i + l] <= T[j];
                double s = causal ? T[j] - t[i + l] : 0.0, e = w[i + l] * vector_exp(-s / L->tau_mem) / L->c_mem;
                double h = fs_h(L, s);
                alpha[l] += causal ? e * h : 0.0;
                beta[l] += causal ? e * (1.0 - L->rate * h) : 0.0;
            }
        for (l = 0; l < VECTOR_LANES; l++) {
            a += alpha[l];
            b += beta[l];
        }
        S->alpha[j] = a;
        S->beta[j] = b;
    }
    fs_solve(L, 1, L->stride, S->alpha, S->beta, S->wait, S->current);
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
VECTOR_INLINE double fs_kappa(const fs_layer *L, double s) {
    return vector_exp(-s / L->tau_mem) * fs_h(L, s) / L->c_mem;
}

VECTOR_INLINE double fs_kappa_slope(const fs_layer *L, double s) {
    return vector_exp(-s / L->tau_mem) * (1.0 - (L->rate + 1.0 / L->tau_mem) * fs_h(L, s)) / L->c_mem;
}

/* From delta = dL/dT (stride) the coefficients of the derivatives of the loss:
       dL/dw_ij = p_j f_i + q_j g_i,      dL/dx_i = sum_j w_ij (time_p_j f_i + time_q_j g_i)
   where t_i <= T_j. If the arrivals take `several` frames, p = -delta/slope stands before kappa and time_p =
   delta/slope before kappa'. A neuron whose largest dL/dw exceeds max_dw_norm has p = q = 0. */
VECTOR_CLONES
static void fs_coefficients(const fs_layer *L, const double *t, const double *f, const double *g, double origin,
                            int several, int measured, const double *T, const double *kernel_time,
                            const double *slope, const double *delta, double max_dw_norm, double *p, double *q,
                            fs_scratch *S) {
    double tau_mem = L->tau_mem, rate = L->rate;
    int i, j;
    for (j = 0; j < L->stride; j++) {
        int spikes = (T[j] < INFINITY) & (slope[j] > 0.0);
        double x = spikes ? kernel_time[j] - origin : 0.0, scale = spikes ? delta[j] / slope[j] : 0.0;
        double h = fs_h(L, x), decay = several ? 1.0 : scale * vector_exp(-x / tau_mem);
        p[j] = several ? -scale : -decay * h;
        q[j] = several ? 0.0 : decay;
        S->time_p[j] = several ? scale : decay * (1.0 - (rate + 1.0 / tau_mem) * h);
        S->time_q[j] = several ? 0.0 : decay / tau_mem;
    }
    for (j = 0; j < L->n_post; j++) {
        double largest = 0.0;
        if (!measured && !(fabs(delta[j]) * L->peak > max_dw_norm * slope[j])) continue; /* the usual case */
        for (i = 0; i < L->n_in; i++)
            if (t[i] <= T[j]) {
                double dw = several ? p[j] * fs_kappa(L, kernel_time[j] - t[i]) : p[j] * f[i] + q[j] * g[i];
                if (fabs(dw) > largest) largest = fabs(dw);
            }
        if (largest > max_dw_norm) p[j] = q[j] = 0.0;
    }
}

/* Add dL/dx_i to out for the n inputs from `first` on, after fs_coefficients. */
VECTOR_CLONES
static void fs_send(const fs_layer *L, int first, int n, const double *t, const double *f, const double *g,
                    int several, const double *T, const double *kernel_time, double *out, fs_scratch *S) {
    int i, j;
    t += first, f += first, g += first;
    for (j = 0; j < L->n_post; j++) {
        const double *w = L->transposed + (size_t)j * L->in_stride + first;
        double p = S->time_p[j], q = S->time_q[j], last = T[j], x = kernel_time[j];
        if (p == 0.0 && q == 0.0) continue;
        if (several)
            for (i = 0; i < n; i++)
                out[i] += t[i] <= last ? w[i] * p * fs_kappa_slope(L, x - t[i]) : 0.0;
        else
            for (i = 0; i < n; i++) out[i] += t[i] <= last ? w[i] * (p * f[i] + q * g[i]) : 0.0;
    }
}

/* Sum dL/dw over the samples, in their order, for the rows [low, high) of `gradient` (n_in, n_post).
   Arrays of the inputs are (n_samples, in_stride), of the neurons (n_samples, stride). */
VECTOR_CLONES
static void fs_sum_rows(const fs_layer *L, int low, int high, int n_samples, const double *t, const double *f,
                        const double *g, const int32_t *several, const double *T, const double *kernel_time,
                        const double *p, const double *q, double *gradient) {
    int i, j, s;
    for (i = low; i < high; i++)
        for (j = 0; j < L->n_post; j++) gradient[(size_t)i * L->n_post + j] = 0.0;
    for (s = 0; s < n_samples; s++) {
        const double *Ts = T + (size_t)s * L->stride, *ps = p + (size_t)s * L->stride, *qs = q + (size_t)s * L->stride;
        const double *xs = kernel_time + (size_t)s * L->stride;
        for (i = low; i < high; i++) {
            double *row = gradient + (size_t)i * L->n_post;
            double ti = t[(size_t)s * L->in_stride + i];
            double fi = f[(size_t)s * L->in_stride + i], gi = g[(size_t)s * L->in_stride + i];
            if (!(ti < INFINITY)) continue;
            if (several[s]) {
                for (j = 0; j < L->n_post; j++)
                    row[j] += ti <= Ts[j] && ps[j] != 0.0 ? ps[j] * fs_kappa(L, xs[j] - ti) : 0.0;
            } else
                for (j = 0; j < L->n_post; j++) row[j] += ti <= Ts[j] ? ps[j] * fi + qs[j] * gi : 0.0;
        }
    }
}

/* The same for few neurons, the columns [low, high); the sum is kept transposed (n_post, in_stride). */
VECTOR_CLONES
static void fs_sum_columns(const fs_layer *L, int low, int high, int n_samples, const double *t, const double *f,
                           const double *g, const int32_t *several, const double *T, const double *kernel_time,
                           const double *p, const double *q, double *gradient, double *transposed) {
    int i, j, s;
    for (j = low; j < high; j++) {
        double *sum = transposed + (size_t)j * L->in_stride;
        for (i = 0; i < L->n_in; i++) sum[i] = 0.0;
        for (s = 0; s < n_samples; s++) {
            const double *ts = t + (size_t)s * L->in_stride, *fi = f + (size_t)s * L->in_stride;
            const double *gi = g + (size_t)s * L->in_stride;
            size_t at = (size_t)s * L->stride + j;
            double last = T[at], pj = p[at], qj = q[at], x = kernel_time[at];
            if (pj == 0.0 && qj == 0.0) continue;
            if (several[s])
                for (i = 0; i < L->n_in; i++) sum[i] += ts[i] <= last ? pj * fs_kappa(L, x - ts[i]) : 0.0;
            else
                for (i = 0; i < L->n_in; i++) sum[i] += ts[i] <= last ? pj * fi[i] + qj * gi[i] : 0.0;
        }
        for (i = 0; i < L->n_in; i++) gradient[(size_t)i * L->n_post + j] = sum[i];
    }
}

#endif
