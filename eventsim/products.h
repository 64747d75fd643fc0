/* Products of matrices for batches of rates, for floats and doubles; the bodies are in products_real.h.

   A library for linear algebra would start threads of its own, and sum in an order that depends on their number and on
   the processor. Here every sum runs over k = 0, 1, ... in one order (in VEC lanes for scalar products), with one
   rounding for a product and its addition wherever the processor has that, so results have the same bits on all
   such processors; with tiles kept in registers the speed is that of a good library on one thread. */

#ifndef EVENTSIM_PRODUCTS_H
#define EVENTSIM_PRODUCTS_H

#include <stddef.h>
#include <string.h>

#include "vector.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast") /* elsewhere it is off, see setup.py */
#endif

enum { TILE_ROWS = 4, TILE_VECTORS = 3, VECTOR_BYTES = 32 };

#define REAL double
#define NAME(name) products_##name##_f64
#include "products_real.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) products_##name##_f32
#include "products_real.h"
#undef REAL
#undef NAME

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

/* c (n, cols) += alpha p q, p (n, depth) read as p[i pi + k pk], q (depth, cols). */
static inline void products_multiply(int wide, ptrdiff_t n, ptrdiff_t cols, ptrdiff_t depth, double alpha,
                                     const void *p, ptrdiff_t pi, ptrdiff_t pk, const void *q, void *c) {
    if (wide)
        products_multiply_f64(n, cols, depth, alpha, p, pi, pk, q, c);
    else
        products_multiply_f32(n, cols, depth, (float)alpha, p, pi, pk, q, c);
}

/* c (n, rows) += a m^T, a (n, cols), m (rows, cols). */
static inline void products_dots(int wide, ptrdiff_t n, ptrdiff_t rows, ptrdiff_t cols, const void *a, const void *m,
                                 void *c) {
    if (wide)
        products_dots_f64(n, rows, cols, a, m, c);
    else
        products_dots_f32(n, rows, cols, a, m, c);
}

#endif
