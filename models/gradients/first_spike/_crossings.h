/* Threshold crossings of many neurons at a time: a Newton iteration from a bracket, for every ratio of constants. */

#ifndef EVENTSIM_FIRST_SPIKE_CROSSINGS_H
#define EVENTSIM_FIRST_SPIKE_CROSSINGS_H

#include "_layer_records.h"

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

/* The same from below threshold: a function of its own, which is compiled once for all its callers. */
VECTOR_CLONES
static void rows_solve_rising(const rows_layer *L, ptrdiff_t n, const double *alpha, const double *beta,
                              double *wait, double *current) {
    rows_solve(L, 0, 0, n, alpha, beta, wait, current);
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

#endif
