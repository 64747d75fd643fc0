/* Derivatives of the first-spike times of a layer whose inputs arrive in the same order at every neuron.

   Equations: see _layer_records.h. */

#ifndef EVENTSIM_FIRST_SPIKE_ROWS_BACKWARD_H
#define EVENTSIM_FIRST_SPIKE_ROWS_BACKWARD_H

#include "_layer_frames.h"

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
