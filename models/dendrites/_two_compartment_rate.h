/* One tick of rate neurons with a dendrite; see two_compartment_rate.py. All clones give the same bits. */

#ifndef EVENTSIM_TWO_COMPARTMENT_RATE_H
#define EVENTSIM_TWO_COMPARTMENT_RATE_H

#include <stddef.h>

#include "eventsim/kernels/vector.h"

typedef struct {
    const double *g_leak, *g_dendrite, *e_leak, *per_total; /* (n,); per_total = 1 / (g_leak + g_dendrite) */
    const double *floor;                                    /* (n,) rate at the leak potential */
    double e_excitation, e_inhibition, slope, threshold;
} two_compartment_parameters;

typedef struct {
    const double *dendrite, *excitation, *inhibition; /* (batch, n) receptors */
    double *u, *v, *rate, *supply, *error;            /* (batch, n) */
    ptrdiff_t n, batch;
} two_compartment_state;

/* Add the conductances of a teacher: strength (n,) is lambda / (1 - lambda) (g_leak + g_dendrite) / (E_E - E_I), 0
   where it does not reach; target (batch, n) in mV. */
VECTOR_CLONES static void two_compartment_teach(const two_compartment_parameters *p, double *restrict excitation,
                                                double *restrict inhibition, const double *restrict strength,
                                                const double *restrict target, ptrdiff_t n) {
    double e_e = p->e_excitation, e_i = p->e_inhibition;
    for (ptrdiff_t k = 0; k < n; k++) {
        excitation[k] += strength[k] * (target[k] - e_i);
        inhibition[k] += strength[k] * (e_e - target[k]);
    }
}

/* Soma and dendrite by explicit Euler, then the rates; `hold` (n,) is 1 where the soma is set to `target`, or NULL.
   Returns whether a potential left +-limit. */
VECTOR_CLONES static int two_compartment_step(const two_compartment_parameters *p, const two_compartment_state *s,
                                              double dt, const double *hold, const double *target, double limit) {
    enum { BLOCK = 8 * VECTOR_LANES };
    const double e_e = p->e_excitation, e_i = p->e_inhibition, slope = p->slope, threshold = p->threshold;
    double now[BLOCK], prediction[BLOCK], wild = 0.0;
    for (ptrdiff_t b = 0; b < s->batch; b++) {
        for (ptrdiff_t first = 0; first < s->n; first += BLOCK) {
            ptrdiff_t m = s->n - first < BLOCK ? s->n - first : BLOCK, at = b * s->n + first;
            const double *g_l = p->g_leak + first, *g_d = p->g_dendrite + first, *e_l = p->e_leak + first;
            const double *per_total = p->per_total + first, *floor = p->floor + first;
            double *u = s->u + at, *v = s->v + at, *rate = s->rate + at, *supply = s->supply + at;
            double *error = s->error + at;
            const double *input = s->dendrite + at, *g_e = s->excitation + at, *g_i = s->inhibition + at;
            VECTOR_LOOP
            for (ptrdiff_t k = 0; k < m; k++) {
                double du = (-g_l[k] * (u[k] - e_l[k]) + g_d[k] * (v[k] - u[k])) +
                            (g_e[k] * (e_e - u[k]) + g_i[k] * (e_i - u[k]));
                prediction[k] = (g_l[k] * e_l[k] + g_d[k] * v[k]) * per_total[k];
                u[k] += dt * du;
                v[k] += dt * (g_l[k] * (input[k] - (v[k] - e_l[k])));
            }
            if (hold) {
                VECTOR_LOOP
                for (ptrdiff_t k = 0; k < m; k++)
                    u[k] = vector_select(vector_mask(hold[first + k] > 0.0), target[at + k], u[k]);
            }
            for (ptrdiff_t k = 0; k < m; k++)
                now[k] = u[k];
            for (ptrdiff_t k = m; k < BLOCK; k++) /* whole registers, so that no exponential is left for a slow end */
                now[k] = prediction[k] = threshold;
            for (ptrdiff_t k = 0; k < BLOCK; k++) {
                now[k] = vector_clamp(slope * (threshold - now[k]));
                prediction[k] = vector_clamp(slope * (threshold - prediction[k]));
            }
            VECTOR_LOOP
            for (ptrdiff_t k = 0; k < BLOCK; k++)
                now[k] = 1.0 / (1.0 + vector_exp_within(now[k]));
            VECTOR_LOOP
            for (ptrdiff_t k = 0; k < BLOCK; k++)
                prediction[k] = 1.0 / (1.0 + vector_exp_within(prediction[k]));
            VECTOR_LOOP
            for (ptrdiff_t k = 0; k < m; k++) {
                rate[k] = now[k];
                supply[k] = now[k] > floor[k] ? now[k] : floor[k];
                error[k] = now[k] - prediction[k];
                double away = u[k] * u[k] + v[k] * v[k];
                wild = away < limit ? wild : 1.0;
            }
        }
    }
    return wild > 0.0;
}

#endif
