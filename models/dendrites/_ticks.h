/* One step of many neurons with compartments, side by side: implicit midpoint on trees, children before parents.
   Units that are stiff, with g dt / c above 2 in a compartment, are flagged and stepped one by one.

   Arrays are (circuits, n) or (slots, n), unit by unit next to each other. Clones for wide registers give the
   same bits (see vector.h). */

#ifndef EVENTSIM_DENDRITE_TICKS_H
#define EVENTSIM_DENDRITE_TICKS_H

#include <stddef.h>
#include <stdint.h>

#include "eventsim/kernels/vector.h"

#define DENDRITE_BLOCK 128 /* units whose working arrays stay in the first cache */

typedef struct {
    ptrdiff_t n;
    int K, S;
    const int32_t *parent, *slot_at, *steep, *adapts;    /* per circuit; slot_at per slot */
    const double *e_rev;                                 /* (S,) nan for currents */
    const double *keep, *mean_of_old;                    /* (S,) decay over a step, and what it averages to */
    const double *c2, *coupling;                         /* (K, n) 2 c / h; conductance to the parent */
    double *still, *drive;                               /* (K, n) conductances, and currents at v = 0, of a step */
    double *limit, *gate;                                /* (K, n) gate: of the exponential current, 0 in clamps */
    const double *g_exp, *v_t, *delta_t, *cut;           /* (K, n) exponential current, and the largest v in it */
    const double *a, *v_w, *half_w, *keep_w;             /* (K, n) adaptation: h / (2 tau_w), e^(-h / tau_w) */
    const double *flowing;                               /* (K, n) means of currents over time; NULL without */
    double *v, *w;                                       /* (K, n) */
    double *g, *late;                                    /* (S, n) see dendrite_synapses */
    double *next, *flag;                                 /* (n,) next transition; > 0 where a closer look is needed */
    double care;                                         /* largest I' / c2 of the exponential current */
} dendrite_step;

/* What a block works with, in the first cache. */
typedef struct {
    double *diag, *rhs, *v_old, *w_old; /* (K, DENDRITE_BLOCK) */
    double *mean;                       /* (S, DENDRITE_BLOCK) */
} dendrite_work;

/* Synapses first: what they average to over the step, and where they end. An arrival at t has been added to g as if it
   had come when the step began and decayed to its size at t; late is by how much the mean is then too large. */
VECTOR_INLINE void dendrite_synapses(const dendrite_step *d, int s, ptrdiff_t at, ptrdiff_t m, double *restrict diag,
                                     double *restrict rhs, double *restrict mean, double *restrict flag) {
    double *restrict g = d->g + s * d->n + at, *restrict late = d->late + s * d->n + at;
    const double keep = d->keep[s], old = d->mean_of_old[s], e_rev = d->e_rev[s];
    const double *restrict c2 = d->c2 + d->slot_at[s] * d->n + at;
    const int current = e_rev != e_rev;
    for (ptrdiff_t u = 0; u < m; u++) {
        mean[u] = g[u] * old - late[u];
        g[u] *= keep;
        late[u] = 0.0;
    }
    if (current) {
        for (ptrdiff_t u = 0; u < m; u++)
            rhs[u] += mean[u];
    } else {
        for (ptrdiff_t u = 0; u < m; u++) {
            diag[u] += mean[u];
            rhs[u] += mean[u] * e_rev;
            flag[u] = diag[u] > 2.0 * c2[u] ? 1.0 : flag[u];
        }
    }
}

/* Take `m` units from `at` on to `end`; returns whether one of them is flagged. */
VECTOR_CLONES static int dendrite_block(const dendrite_step *d, const dendrite_work *work, ptrdiff_t at, ptrdiff_t m,
                                        double time) {
    const ptrdiff_t n = d->n;
    double *restrict flag = d->flag + at;
    const double *restrict next = d->next + at;
    VECTOR_LOOP
    for (ptrdiff_t u = 0; u < m; u++)
        flag[u] = next[u] <= time ? 1.0 : 0.0;
    for (int k = 0; k < d->K; k++) {
        const ptrdiff_t o = k * n + at;
        const double *restrict c2 = d->c2 + o, *restrict g = d->still + o, *restrict i = d->drive + o;
        const double *restrict v = d->v + o;
        double *restrict x = work->diag + k * DENDRITE_BLOCK, *restrict y = work->rhs + k * DENDRITE_BLOCK;
        double *restrict old = work->v_old + k * DENDRITE_BLOCK;
        VECTOR_LOOP
        for (ptrdiff_t u = 0; u < m; u++) {
            old[u] = v[u];
            x[u] = c2[u] + g[u];
            flag[u] = g[u] > c2[u] ? 1.0 : flag[u]; /* stiff: the midpoint rule would ring */
            y[u] = c2[u] * v[u] + i[u];
        }
        if (d->flowing) {
            const double *restrict more = d->flowing + o;
            VECTOR_LOOP
            for (ptrdiff_t u = 0; u < m; u++)
                y[u] += more[u];
        }
    }
    for (int s = 0; s < d->S; s++)
        dendrite_synapses(d, s, at, m, work->diag + d->slot_at[s] * DENDRITE_BLOCK,
                          work->rhs + d->slot_at[s] * DENDRITE_BLOCK, work->mean + s * DENDRITE_BLOCK, flag);
    for (int k = 0; k < d->K; k++) {
        const ptrdiff_t o = k * n + at;
        const double *restrict v = work->v_old + k * DENDRITE_BLOCK;
        double *restrict x = work->diag + k * DENDRITE_BLOCK, *restrict y = work->rhs + k * DENDRITE_BLOCK;
        if (d->steep[k]) {
            const double *restrict ge = d->g_exp + o, *restrict vt = d->v_t + o, *restrict dt = d->delta_t + o;
            const double *restrict cut = d->cut + o, *restrict gate = d->gate + o, *restrict c2 = d->c2 + o;
            for (ptrdiff_t u = 0; u < m; u++) {
                double top = v[u] < cut[u] ? v[u] : cut[u];
                double slope = gate[u] * ge[u] * vector_exp_within(vector_clamp((top - vt[u]) / dt[u]));
                x[u] -= slope;
                y[u] += slope * (dt[u] - v[u]);
                double rise = slope - d->care * c2[u];
                flag[u] = rise > flag[u] ? rise : flag[u];
            }
        }
        if (d->adapts[k]) {
            const double *restrict a = d->a + o, *restrict vw = d->v_w + o, *restrict half = d->half_w + o;
            const double *restrict w = d->w + o;
            double *restrict old = work->w_old + k * DENDRITE_BLOCK;
            for (ptrdiff_t u = 0; u < m; u++) {
                old[u] = w[u];
                y[u] -= w[u] + half[u] * (a[u] * (v[u] - vw[u]) - w[u]);
            }
        }
    }
    for (int k = 0; k < d->K - 1; k++) {
        const double *restrict g = d->coupling + k * n + at;
        double *restrict x = work->diag + k * DENDRITE_BLOCK, *restrict y = work->rhs + k * DENDRITE_BLOCK;
        double *restrict px = work->diag + d->parent[k] * DENDRITE_BLOCK;
        double *restrict py = work->rhs + d->parent[k] * DENDRITE_BLOCK;
        for (ptrdiff_t u = 0; u < m; u++) {
            double r = 1.0 / x[u], f = g[u] * r;
            px[u] -= f * g[u];
            py[u] += f * y[u];
            x[u] = f; /* what is added for each mV of the parent */
            y[u] *= r;
        }
    }
    for (int k = d->K - 1; k >= 0; k--) {
        const ptrdiff_t o = k * n + at;
        const double *restrict old = work->v_old + k * DENDRITE_BLOCK, *restrict limit = d->limit + o;
        const double *restrict x = work->diag + k * DENDRITE_BLOCK;
        double *restrict y = work->rhs + k * DENDRITE_BLOCK, *restrict v = d->v + o;
        if (k < d->K - 1) {
            const double *restrict py = work->rhs + d->parent[k] * DENDRITE_BLOCK;
            for (ptrdiff_t u = 0; u < m; u++)
                y[u] += x[u] * py[u];
        } else {
            for (ptrdiff_t u = 0; u < m; u++)
                y[u] /= x[u];
        }
        for (ptrdiff_t u = 0; u < m; u++) {
            double end = 2.0 * y[u] - old[u];
            v[u] = end;
            flag[u] = end >= limit[u] ? 1.0 : flag[u];
        }
        if (d->adapts[k]) {
            const double *restrict a = d->a + o, *restrict vw = d->v_w + o, *restrict keep = d->keep_w + o;
            double *restrict w = d->w + o;
            for (ptrdiff_t u = 0; u < m; u++)
                w[u] = w[u] * keep[u] + a[u] * (y[u] - vw[u]) * (1.0 - keep[u]);
        }
    }
    int64_t any = 0; /* no flag is negative, so one that is not 0.0 has a bit */
    for (ptrdiff_t u = 0; u < m; u++)
        any |= vector_bits(flag[u]);
    return any != 0;
}

#endif
