/* One tick of a stack of dendritic microcircuits that learns its own feedback weights.

   Units lie one after the other: inputs, pyramidal cells of layer 1 to N, interneurons of layer 1 to N-1. All that
   is done unit by unit is one loop over all of them. A matrix is read once a tick: the product with the weights
   of the tick before, and their change, share one pass. Rows are sources; they are padded to whole registers with
   zeros, which stay zeros, so that sums have the same order and bits for every width. */

#ifndef EVENTSIM_DEEP_MICROCIRCUIT_H
#define EVENTSIM_DEEP_MICROCIRCUIT_H

#include <stddef.h>

#include "eventsim/kernels/activations.h"
#include "eventsim/kernels/normals.h"
#include "eventsim/kernels/vector.h"

enum { DM_LEARNED, DM_FIXED, DM_COPIED, DM_DECAYING };                 /* feedback weights */
enum { DM_DECAY, DM_DECAY_GATED, DM_DECAY_BY_SLOPES };                 /* their regulariser */
enum { DM_CONSTANT, DM_BY_U, DM_BY_PROSPECTIVE, DM_BY_APICAL };        /* amplitude of the noise */

typedef struct {
    ptrdiff_t pre, post, stride;
    double *w;     /* (pre, stride) */
    double *delta; /* (pre, stride) low-passed change per time, or NULL */
} dm_matrix;

typedef struct {
    int n_layers;                  /* N, the output's number; the input is layer 0 */
    const ptrdiff_t *size;         /* (N + 1,) */
    const ptrdiff_t *cell, *inter; /* (N + 1,) first unit of a layer, first interneuron of it */
    ptrdiff_t n, n_inputs;
    dm_matrix *up, *down, *from_inter, *to_inter; /* (N + 1,) by layer; up[l] leads to l, the others belong to l */
    /* by unit, (n,) and a register of slack */
    double *u, *u_before, *steady, *prospective, *rate, *rate_before, *slope, *dendrite, *apical, *apical_before;
    double *noise, *noise_before, *high_passed, *top, *predicted, *scratch, *ones;
    const double *per_tau, *prospection;        /* dt / tau ; tau_r / tau */
    double *by_dendrite, *by_top, *prediction;  /* shares of potentials */
    const double *input, *target;               /* (n,), target NULL without */
    int activation, learning;
    /* Noise of hidden cells */
    int noisy, amplitude;
    int64_t first_tick, hold;                   /* of noise and learning; ticks that a value is kept, 0 for a process */
    const uint64_t *key;                        /* (n,) */
    const double *sigma;                        /* (n,) */
    double noise_keep, noise_gain, high_pass;   /* high_pass = dt / tau_hp */
    /* Learning: dt times the rate of each layer */
    int predicts;                               /* whether forward weights or those to interneurons learn */
    const double *rate_up;
    double rate_down, rate_from_inter, rate_to_inter, decay, low_pass, dt; /* low_pass = dt / tau_lo, 0 without */
    int feedback, regulariser;
} dm_circuit;

/* A register of numbers: gcc and clang split it where the processor's are narrower. */
#if defined(__GNUC__)
typedef double dm_lanes __attribute__((vector_size(8 * VECTOR_LANES), aligned(8), may_alias));
#define DM_AT(p) (*(dm_lanes *)(p))
#define DM_READ(p) (*(const dm_lanes *)(p))
#define DM_ADD(a, b) ((a) + (b))
#define DM_MINUS(a, b) ((a) - (b))
#define DM_TIMES(a, b) ((a) * (b))
#define DM_ALL(x) ((dm_lanes){0} + (x))
#else
typedef struct {
    double k[VECTOR_LANES];
} dm_lanes;
#define DM_AT(p) (*(dm_lanes *)(p))
#define DM_READ(p) (*(const dm_lanes *)(p))
#define DM_EACH(name, op)                                                                                              \
    VECTOR_INLINE dm_lanes name(dm_lanes a, dm_lanes b) {                                                              \
        for (int k = 0; k < VECTOR_LANES; k++)                                                                         \
            a.k[k] = a.k[k] op b.k[k];                                                                                 \
        return a;                                                                                                      \
    }
DM_EACH(DM_ADD, +)
DM_EACH(DM_MINUS, -)
DM_EACH(DM_TIMES, *)
VECTOR_INLINE dm_lanes DM_ALL(double x) {
    dm_lanes a;
    for (int k = 0; k < VECTOR_LANES; k++)
        a.k[k] = x;
    return a;
}
#endif

/* out (+)= x W; then W += c a b^T - g h^T W, elementwise, where it learns. `mode`: 0 nothing, 1 Hebb, 2 with decay,
   3 low-passed. b and h are padded. */
VECTOR_INLINE void dm_sweep(const dm_matrix *m, const double *x, double *out, int add, int mode, double c,
                            const double *a, const double *b, const double *g, const double *h, double low, double dt) {
    ptrdiff_t rows = m->pre, stride = m->stride;
    for (ptrdiff_t j = 0; j < stride; j += VECTOR_LANES) {
        dm_lanes sum = DM_ALL(0.0), post = sum, decayed = sum;
        if (add)
            sum = DM_AT(out + j);
        if (mode)
            post = DM_TIMES(DM_ALL(c), DM_READ(b + j));
        if (mode == 2)
            decayed = DM_READ(h + j);
        dm_lanes follow = DM_ALL(low), step = DM_ALL(dt);
        double *w = m->w + j, *d = mode == 3 ? m->delta + j : NULL;
        for (ptrdiff_t i = 0; i < rows; i++, w += stride) {
            dm_lanes row = DM_READ(w);
            sum = DM_ADD(sum, DM_TIMES(row, DM_ALL(x[i])));
            if (mode == 1)
                DM_AT(w) = DM_ADD(row, DM_TIMES(DM_ALL(a[i]), post));
            if (mode == 2)
                DM_AT(w) = DM_ADD(row, DM_MINUS(DM_TIMES(DM_ALL(a[i]), post),
                                                DM_TIMES(DM_TIMES(DM_ALL(g[i]), decayed), row)));
            if (mode == 3) {
                dm_lanes change = DM_READ(d);
                change = DM_ADD(change, DM_TIMES(follow, DM_MINUS(DM_TIMES(DM_ALL(a[i]), post), change)));
                DM_AT(d) = change;
                DM_AT(w) = DM_ADD(row, DM_TIMES(step, change));
                d += stride;
            }
        }
        /* Whole registers are written: what follows is written later, or is slack. */
        DM_AT(out + j) = sum;
    }
}

/* n values, then zeros up to a whole register. */
VECTOR_INLINE const double *dm_padded(double *scratch, const double *x, ptrdiff_t n, ptrdiff_t stride) {
    for (ptrdiff_t k = 0; k < n; k++)
        scratch[k] = x[k];
    for (ptrdiff_t k = n; k < stride; k++)
        scratch[k] = 0.0;
    return scratch;
}

VECTOR_INLINE uint64_t dm_mixed(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Let the noise of hidden cells advance by a tick: number `tick` of each unit's key (see eventsim/kernels/draws). */
VECTOR_CLONES static void dm_advance_noise(const dm_circuit *s, int64_t tick) {
    ptrdiff_t first = s->cell[1], n = s->cell[s->n_layers] - first;
    double *noise = s->noise + first, *before = s->noise_before + first, *z = s->scratch;
    const double *sigma = s->sigma + first, *by = NULL;
    const uint64_t *key = s->key + first;
    for (ptrdiff_t k = 0; k < n; k++)
        before[k] = noise[k];
    if (s->hold && (tick - s->first_tick) % s->hold)
        return;
    uint64_t count = ((uint64_t)tick + 1) * 0x9E3779B97F4A7C15u;
    for (ptrdiff_t k = 0; k < n; k++)
        z[k] = ((double)(int64_t)(dm_mixed(key[k] + count) >> 11) + 0.5) * 0x1p-53;
    eventsim_normals(z, n);
    if (s->amplitude)
        by = (s->amplitude == DM_BY_U ? s->u : s->amplitude == DM_BY_PROSPECTIVE ? s->prospective : s->apical) + first;
    if (by)
        for (ptrdiff_t k = 0; k < n; k++)
            z[k] *= fabs(by[k]);
    for (ptrdiff_t k = 0; k < n; k++)
        noise[k] = s->noise_keep * noise[k] + s->noise_gain * sigma[k] * z[k];
}

/* Feedback weights become the transposed forward weights, those of interneurons their negative. */
static void dm_copy_feedback(const dm_circuit *s) {
    for (int l = 1; l < s->n_layers; l++) {
        const dm_matrix *up = s->up + l + 1, *down = s->down + l, *inter = s->from_inter + l;
        for (ptrdiff_t i = 0; i < up->pre; i++)
            for (ptrdiff_t j = 0; j < up->post; j++) {
                double w = up->w[i * up->stride + j];
                down->w[j * down->stride + i] = w;
                inter->w[j * inter->stride + i] = -w;
            }
    }
}

/* Shares of the decay by source and by target of a feedback matrix: g (pre,) and h (post,), h padded. */
VECTOR_INLINE const double *dm_decay(const dm_circuit *s, int l, double *g, double *h) {
    ptrdiff_t above = s->cell[l + 1], n = s->size[l];
    double c = s->rate_down * s->decay;
    for (ptrdiff_t i = 0; i < s->size[l + 1]; i++)
        g[i] = s->regulariser == DM_DECAY_GATED      ? (s->high_passed[above + i] > 0.0 ? c : 0.0)
               : s->regulariser == DM_DECAY_BY_SLOPES ? c * s->slope[above + i]
                                                      : c;
    if (s->regulariser != DM_DECAY_BY_SLOPES)
        return s->ones;
    return dm_padded(h, s->slope + s->cell[l], n, s->down[l].stride);
}

/* The dendrites of all cells, and all weights. */
VECTOR_CLONES static void dm_dendrites(const dm_circuit *s, int learning) {
    int last = s->n_layers;
    double *scratch = s->scratch, *g = s->scratch + s->n + 2 * VECTOR_LANES, *h = g + s->n + 2 * VECTOR_LANES;
    const double *post;
    for (int l = 1; l < last; l++) { /* from above to apical dendrites */
        const dm_matrix *m = s->down + l;
        double *out = s->apical + s->cell[l];
        const double *x = s->rate + s->cell[l + 1];
        if (learning && (s->feedback == DM_LEARNED || s->feedback == DM_DECAYING) && s->rate_down != 0.0) {
            post = dm_padded(scratch, s->noise + s->cell[l], m->post, m->stride);
            const double *share = dm_decay(s, l, g, h);
            double hebb = s->feedback == DM_LEARNED ? s->rate_down : 0.0;
            dm_sweep(m, x, out, 0, 2, hebb, s->high_passed + s->cell[l + 1], post, g, share, 0, 0);
        } else
            dm_sweep(m, x, out, 0, 0, 0, NULL, NULL, NULL, NULL, 0, 0);
        m = s->from_inter + l;
        if (learning && s->feedback != DM_COPIED && s->rate_from_inter != 0.0) {
            post = dm_padded(scratch, s->apical_before + s->cell[l], m->post, m->stride);
            dm_sweep(m, s->rate + s->inter[l], out, 1, 1, -s->rate_from_inter, s->rate_before + s->inter[l], post, NULL,
                     NULL, 0, 0);
        } else
            dm_sweep(m, s->rate + s->inter[l], out, 1, 0, 0, NULL, NULL, NULL, NULL, 0, 0);
    }
    if (learning && s->feedback == DM_COPIED)
        dm_copy_feedback(s); /* before the forward weights change */
    for (int l = 1; l <= last; l++) { /* from below to basal dendrites */
        const dm_matrix *m = s->up + l;
        double *out = s->dendrite + s->cell[l];
        const double *x = s->rate + s->cell[l - 1], *pre = s->rate_before + s->cell[l - 1];
        if (learning && s->rate_up[l] != 0.0) {
            post = dm_padded(scratch, s->predicted + s->cell[l], m->post, m->stride);
            if (s->low_pass > 0.0)
                dm_sweep(m, x, out, 0, 3, s->rate_up[l] / s->dt, pre, post, NULL, NULL, s->low_pass, s->dt);
            else
                dm_sweep(m, x, out, 0, 1, s->rate_up[l], pre, post, NULL, NULL, 0, 0);
        } else
            dm_sweep(m, x, out, 0, 0, 0, NULL, NULL, NULL, NULL, 0, 0);
    }
    for (int l = 1; l < last; l++) { /* to interneurons */
        const dm_matrix *m = s->to_inter + l;
        double *out = s->dendrite + s->inter[l];
        const double *x = s->rate + s->cell[l];
        if (learning && s->rate_to_inter != 0.0) {
            post = dm_padded(scratch, s->predicted + s->inter[l], m->post, m->stride);
            dm_sweep(m, x, out, 0, 1, s->rate_to_inter, s->rate_before + s->cell[l], post, NULL, NULL, 0, 0);
        } else
            dm_sweep(m, x, out, 0, 0, 0, NULL, NULL, NULL, NULL, 0, 0);
    }
}

/* Rates of this tick; what basal dendrites and interneurons failed to predict goes to `predicted`. */
VECTOR_CLONES static void dm_rates(const dm_circuit *s, int errors) {
    ptrdiff_t first = s->n_inputs, n = s->n;
    for (ptrdiff_t k = 0; k < n; k++)
        s->rate_before[k] = s->rate[k];
    for (ptrdiff_t k = 0; k < first; k++)
        s->rate[k] = s->input[k];
    for (ptrdiff_t k = first; k < n; k++)
        s->prospective[k] = s->u_before[k] + s->prospection[k] * (s->steady[k] - s->u_before[k]);
    activate_f64(s->activation, s->prospective + first, s->rate + first, s->slope + first, n - first);
    if (!errors)
        return;
    double *x = s->scratch, *y = s->predicted;
    for (ptrdiff_t k = first; k < n; k++)
        x[k] = s->prediction[k] * s->dendrite[k];
    activate_f64(s->activation, x + first, y + first, s->top + first, n - first);
    for (ptrdiff_t k = first; k < n; k++)
        y[k] = s->rate[k] - y[k];
}

/* Membranes, and the high-pass of rates. Returns whether all is well. */
VECTOR_CLONES static int dm_membranes(const dm_circuit *s, double limit) {
    ptrdiff_t first = s->n_inputs, n = s->n, out = s->cell[s->n_layers], n_out = s->size[s->n_layers];
    for (ptrdiff_t k = first; k < out; k++)
        s->top[k] = s->apical[k] + s->noise_before[k];
    for (ptrdiff_t k = 0; k < n_out; k++)
        s->top[out + k] = s->target ? s->target[out + k] : 0.0;
    for (int l = 1; l < s->n_layers; l++)
        for (ptrdiff_t k = 0; k < s->size[l + 1]; k++)
            s->top[s->inter[l] + k] = s->prospective[s->cell[l + 1] + k];
    int64_t wild = 0;
    for (ptrdiff_t k = first; k < n; k++) {
        s->steady[k] = s->by_dendrite[k] * s->dendrite[k] + s->by_top[k] * s->top[k];
        s->u_before[k] = s->u[k];
        s->u[k] += s->per_tau[k] * (s->steady[k] - s->u[k]);
    }
    for (ptrdiff_t k = first; k < n; k++)
        wild |= vector_mask(!(fabs(s->steady[k]) < limit));
    for (ptrdiff_t k = 0; k < n; k++)
        s->high_passed[k] += (s->rate[k] - s->rate_before[k]) - s->high_pass * s->high_passed[k];
    return wild == 0;
}

static int dm_tick(const dm_circuit *s, int64_t tick, double limit) {
    int on = tick >= s->first_tick, learning = s->learning && on;
    dm_rates(s, learning && s->predicts);
    if (s->noisy && on)
        dm_advance_noise(s, tick);
    ptrdiff_t first = s->cell[1], n = s->cell[s->n_layers];
    for (ptrdiff_t k = first; k < n; k++)
        s->apical_before[k] = s->apical[k];
    dm_dendrites(s, learning);
    return dm_membranes(s, limit);
}

#endif
