/* Records and equations of first spikes in layers.

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

#ifndef EVENTSIM_FIRST_SPIKE_RECORDS_H
#define EVENTSIM_FIRST_SPIKE_RECORDS_H

#include <stddef.h>
#include <stdint.h>
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

#define ROWS_BUCKETS 4 /* for each arrival: fewer leave more to insertion, whose branches are hard to predict */
#define ROWS_TOGETHER 8 /* samples, of a layer whose weights do not fit in the cache */

/* h(x) and e^{-x/tau_mem}, e^{-x/tau_syn} */
VECTOR_INLINE double rows_h(const rows_layer *L, double x) {
    return L->kind == RATIO_ONE ? x : -vector_expm1(-L->rate * x) / L->rate;
}

/* ------------------------------------------------------------------ samples side by side, see _lanes_forward.h */

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

#endif
