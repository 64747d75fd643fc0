/* Inner loops of rate projections and ticks, for floats and doubles; the bodies are in rates_real.h.

   All clones of a function do the same operations in the same order (see vector.h), and a sum that is
   kept in several lanes has the same lanes everywhere, so results do not depend on the processor. */

#ifndef EVENTSIM_RATES_H
#define EVENTSIM_RATES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "eventsim/kernels/vector.h"

#define RATES_LANES 16  /* partial sums of a scalar product */
#define RATES_ROWS 4    /* rows of a matrix that are handled together */
#define RATES_CHUNK 512 /* columns that are handled together; they stay in the nearest cache */

#define REAL double
#define NAME(name) rates_##name##_f64
#include "rates_real.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) rates_##name##_f32
#include "rates_real.h"
#undef REAL
#undef NAME

/* The same for arrays of either kind: doubles if `is_float64`, else floats. */
static inline void rates_add(int is_float64, void *to, const void *from, ptrdiff_t n) {
    if (is_float64)
        rates_add_f64(to, from, n);
    else
        rates_add_f32(to, from, n);
}

static inline void rates_add_scaled(int is_float64, void *to, const void *from, double c, ptrdiff_t n) {
    if (is_float64)
        rates_add_scaled_f64(to, from, c, n);
    else
        rates_add_scaled_f32(to, from, (float)c, n);
}

static inline void rates_follow(int is_float64, void *to, const void *from, double c, ptrdiff_t n) {
    if (is_float64)
        rates_follow_f64(to, from, c, n);
    else
        rates_follow_f32(to, from, (float)c, n);
}

static inline void rates_add_to_all(int is_float64, void *to, const double *row, double c, ptrdiff_t n, ptrdiff_t
                                    batch) {
    if (is_float64)
        rates_add_to_all_f64(to, row, c, n, batch);
    else
        rates_add_to_all_f32(to, row, c, n, batch);
}

static inline void rates_add_row(int is_float64, void *to, const void *row, ptrdiff_t n, ptrdiff_t batch) {
    if (is_float64)
        rates_add_row_f64(to, row, n, batch);
    else
        rates_add_row_f32(to, row, n, batch);
}

static inline void rates_sum_rows(int is_float64, void *row, const void *from, double c, ptrdiff_t n, ptrdiff_t
                                  batch) {
    if (is_float64)
        rates_sum_rows_f64(row, from, c, n, batch);
    else
        rates_sum_rows_f32(row, from, (float)c, n, batch);
}

static inline void rates_sweep(int is_float64, void *m, ptrdiff_t rows, ptrdiff_t cols, double c, const void *a,
                               const void *b, const void *x, void *out_f, const void *y, void *out_s,
                               int spread_first) {
    if (is_float64)
        rates_sweep_f64(m, rows, cols, c, a, b, x, out_f, y, out_s, spread_first);
    else
        rates_sweep_f32(m, rows, cols, (float)c, a, b, x, out_f, y, out_s, spread_first);
}

static inline void rates_quantize(int is_float64, void *to, const void *from, const void *gain, double step,
                                  double limit, ptrdiff_t n) {
    if (is_float64)
        rates_quantize_f64(to, from, gain, step, limit, n);
    else
        rates_quantize_f32(to, from, gain, (float)step, (float)limit, n);
}

static inline void rates_momentum(int is_float64, void *p, const void *g, void *velocity, double rate, double mean,
                                  double momentum, ptrdiff_t n) {
    if (is_float64)
        rates_momentum_f64(p, g, velocity, rate, mean, momentum, n);
    else
        rates_momentum_f32(p, g, velocity, (float)rate, (float)mean, (float)momentum, n);
}

#endif
