/* One step of many neurons with compartments, side by side: implicit midpoint on trees, children before parents.

   Arrays are (circuits, n) or (slots, n), unit by unit next to each other. Clones for wide registers give the
   same bits (see vector.h). */

#ifndef EVENTSIM_DENDRITE_TICKS_H
#define EVENTSIM_DENDRITE_TICKS_H

#include <stddef.h>
#include <stdint.h>

#include "vector.h"

#define DENDRITE_BLOCK 128 /* units whose working arrays stay in the first cache */

typedef struct {
    ptrdiff_t n;
    int K, S;
    const int32_t *parent, *slot_at, *steep, *adapts;    /* per circuit; slot_at per slot */
    const double *e_rev;                                 /* (S,) nan for currents */
    const double *keep, *mean_of_old, *mean_of_new;      /* (S,) decay over a step, and what it averages to */
    const double *c2, *g_still, *coupling;               /* (K, n) 2 c / h; leak and couplings; to the parent */
    double *drive, *clamp_g, *clamp_gv, *limit, *gate;   /* (K, n) gate: of the exponential current, 0 in clamps */
    const double *g_exp, *v_t, *delta_t, *cut;           /* (K, n) exponential current, and the largest v in it */
    const double *a, *v_w, *half_w, *keep_w;             /* (K, n) adaptation: h / (2 tau_w), e^(-h / tau_w) */
    double *v, *v_new, *w, *w_new;                       /* (K, n) */
    double *g, *added, *ended, *mean;                    /* (S, n) */
    double *flag;                                        /* (n,) > 0 where a closer look is needed */
    double care;                                         /* largest I' / c2 of the exponential current */
} dendrite_step;

/* Synapses first: what they average to over the step, and where they end. */
VECTOR_INLINE void dendrite_synapses(const dendrite_step *d, int s, ptrdiff_t at, ptrdiff_t m, double *restrict diag,
                                     double *restrict rhs) {
    double *restrict g = d->g + s * d->n + at, *restrict added = d->added + s * d->n + at;
    double *restrict ended = d->ended + s * d->n + at, *restrict mean = d->mean + s * d->n + at;
    const double keep = d->keep[s], old = d->mean_of_old[s], new_ = d->mean_of_new[s], e_rev = d->e_rev[s];
    const int current = e_rev != e_rev;
    for (ptrdiff_t u = 0; u < m; u++) {
        mean[u] = g[u] * old + (added[u] - ended[u]) * new_;
        g[u] = g[u] * keep + ended[u];
        added[u] = 0.0;
        ended[u] = 0.0;
    }
    if (current) {
        for (ptrdiff_t u = 0; u < m; u++)
            rhs[u] += mean[u];
    } else {
        for (ptrdiff_t u = 0; u < m; u++) {
            diag[u] += mean[u];
            rhs[u] += mean[u] * e_rev;
        }
    }
}

VECTOR_CLONES static void dendrite_block(const dendrite_step *d, ptrdiff_t at, ptrdiff_t m, double *restrict diag,
                                         double *restrict rhs) {
    const ptrdiff_t n = d->n;
    double *restrict flag = d->flag + at;
    for (int k = 0; k < d->K; k++) {
        const ptrdiff_t o = k * n + at;
        const double *restrict c2 = d->c2 + o, *restrict g = d->g_still + o, *restrict cg = d->clamp_g + o;
        const double *restrict cv = d->clamp_gv + o, *restrict i = d->drive + o, *restrict v = d->v + o;
        double *restrict x = diag + k * DENDRITE_BLOCK, *restrict y = rhs + k * DENDRITE_BLOCK;
        for (ptrdiff_t u = 0; u < m; u++) {
            x[u] = c2[u] + g[u] + cg[u];
            y[u] = c2[u] * v[u] + i[u] + cv[u];
        }
    }
    for (ptrdiff_t u = 0; u < m; u++)
        flag[u] = 0.0;
    for (int s = 0; s < d->S; s++)
        dendrite_synapses(d, s, at, m, diag + d->slot_at[s] * DENDRITE_BLOCK, rhs + d->slot_at[s] * DENDRITE_BLOCK);
    for (int k = 0; k < d->K; k++) {
        const ptrdiff_t o = k * n + at;
        const double *restrict v = d->v + o;
        double *restrict x = diag + k * DENDRITE_BLOCK, *restrict y = rhs + k * DENDRITE_BLOCK;
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
            for (ptrdiff_t u = 0; u < m; u++)
                y[u] -= w[u] + half[u] * (a[u] * (v[u] - vw[u]) - w[u]);
        }
    }
    for (int k = 0; k < d->K - 1; k++) {
        const double *restrict g = d->coupling + k * n + at;
        const double *restrict x = diag + k * DENDRITE_BLOCK, *restrict y = rhs + k * DENDRITE_BLOCK;
        double *restrict px = diag + d->parent[k] * DENDRITE_BLOCK, *restrict py = rhs + d->parent[k] * DENDRITE_BLOCK;
        for (ptrdiff_t u = 0; u < m; u++) {
            double f = g[u] / x[u];
            px[u] -= f * g[u];
            py[u] += f * y[u];
        }
    }
    for (int k = d->K - 1; k >= 0; k--) {
        const ptrdiff_t o = k * n + at;
        const double *restrict g = d->coupling + o, *restrict v = d->v + o, *restrict limit = d->limit + o;
        const double *restrict x = diag + k * DENDRITE_BLOCK;
        double *restrict y = rhs + k * DENDRITE_BLOCK, *restrict v_new = d->v_new + o;
        if (k < d->K - 1) {
            const double *restrict py = rhs + d->parent[k] * DENDRITE_BLOCK;
            for (ptrdiff_t u = 0; u < m; u++)
                y[u] = (y[u] + g[u] * py[u]) / x[u];
        } else {
            for (ptrdiff_t u = 0; u < m; u++)
                y[u] /= x[u];
        }
        for (ptrdiff_t u = 0; u < m; u++) {
            double end = 2.0 * y[u] - v[u], over = end - limit[u];
            v_new[u] = end;
            flag[u] = over >= 0.0 ? 1.0 : flag[u];
        }
        if (d->adapts[k]) {
            const double *restrict a = d->a + o, *restrict vw = d->v_w + o, *restrict keep = d->keep_w + o;
            const double *restrict w = d->w + o;
            double *restrict w_new = d->w_new + o;
            for (ptrdiff_t u = 0; u < m; u++)
                w_new[u] = w[u] * keep[u] + a[u] * (y[u] - vw[u]) * (1.0 - keep[u]);
        }
    }
}

#endif
