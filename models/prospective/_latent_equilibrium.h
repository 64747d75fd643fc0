/* One tick of prospective neurons, for floats and doubles; the bodies are in _latent_equilibrium_real.h. */

#ifndef EVENTSIM_LATENT_EQUILIBRIUM_H
#define EVENTSIM_LATENT_EQUILIBRIUM_H

#include <stddef.h>

#include "eventsim/kernels/activations.h"
#include "eventsim/kernels/adam.h"
#include "eventsim/kernels/vector.h"

enum { ERRORS_INSTANT, ERRORS_PROSPECTIVE, ERRORS_DYNAMIC };
enum { TARGET_RATE, TARGET_VOLTAGE, TARGET_CROSS_ENTROPY };

/* Parameters, one per unit and repeated for as many samples as make a block worth a loop. */
typedef struct {
    const void *tau_mem, *tau_r, *per_mem, *per_r; /* per_x = 1 / tau_x */
    ptrdiff_t block;                               /* values in each */
} le_parameters;

/* State, (batch, n) each. */
typedef struct {
    const void *current, *back; /* W r + b ; W^T e from above */
    void *u, *v, *prospective, *error, *slope, *du;
    const void *nudge; /* what the target adds to the error */
    ptrdiff_t total;
} le_state;

enum { TAU_KEPT, TAU_MATCHES, TAU_BY_ERROR };

/* Learning of tau_mem (n,): rate is dt * learning_rate; the moments of Adam, or NULL. */
typedef struct {
    int kind;
    double rate, least, beta1, beta2, epsilon, correct1, correct2; /* correct = 1 - beta^steps */
    double *tau_mem, *first, *second;
} le_tau;

/* Uniform on the middles of 2^52 cells of (0, 1): splitmix64 of a counter. */
VECTOR_INLINE double le_uniform(uint64_t key, uint64_t count) {
    uint64_t h = key + count * 0x9E3779B97F4A7C15u;
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
    h = h ^ (h >> 31);
    return vector_from_bits((int64_t)((h >> 12) | 0x3FF0000000000000u)) - (1.0 - 0x1p-53);
}

#define REAL double
#define NAME(name) name##_f64
#include "_latent_equilibrium_real.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) name##_f32
#include "_latent_equilibrium_real.h"
#undef REAL
#undef NAME

static inline int le_step(int is_float64, const le_parameters *p, const le_state *s, int errors, double gamma, double dt,
                          double limit) {
    return is_float64 ? le_step_f64(p, s, errors, gamma, dt, limit)
                : le_step_f32(p, s, errors, (float)gamma, (float)dt, (float)limit);
}

static inline void le_nudge(int is_float64, int kind, double beta, const void *target, const void *rate,
                            const void *prospective, const void *slope, void *out, ptrdiff_t n, ptrdiff_t batch) {
    if (is_float64)
        le_nudge_f64(kind, beta, target, rate, prospective, slope, out, n, batch);
    else
        le_nudge_f32(kind, (float)beta, target, rate, prospective, slope, out, n, batch);
}

/* Add Gaussian noise of standard deviation sigma, a function of key, tick and place alone. */
static inline void le_noise(int is_float64, unsigned long long key, unsigned long long tick, double sigma, void *rate,
                            ptrdiff_t n) {
    if (is_float64)
        le_noise_f64(key, tick, sigma, rate, n);
    else
        le_noise_f32(key, tick, (float)sigma, rate, n);
}

static inline void le_tau_learn(int is_float64, const le_parameters *p, const le_state *s, const le_tau *rule, ptrdiff_t n) {
    if (is_float64)
        le_tau_learn_f64(p, s, rule, n);
    else
        le_tau_learn_f32(p, s, rule, n);
}

#endif
