/* Products of matrices for batches of rates, for floats and doubles; the bodies are in products_real.h.

   A library for linear algebra would start threads of its own, and sum in an order that depends on their number and on
   the processor. Here every sum runs over k = 0, 1, ... in one order (in blocks, or in VEC lanes, as the shapes tell),
   with one rounding for a product and its addition wherever the processor has that, so results have the same bits on
   all such processors; with tiles kept in registers the speed is that of a good library on one thread. */

#ifndef EVENTSIM_PRODUCTS_H
#define EVENTSIM_PRODUCTS_H

#include <stddef.h>
#include <string.h>

#include "vector.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast") /* elsewhere it is off, see setup.py */
#endif

enum { TILE_ROWS = 4, TILE_VECTORS = 3, VECTOR_BYTES = 32 }; /* a tile fills the registers of AVX2 */
enum { BLOCK_DEPTH = 256, SHORT_DEPTH = 64 };                /* of a sum in one go; below it rows are not copied */
enum { PANEL_BYTES = 65536, GROUP_BYTES = 65536 };           /* columns and rows that are copied in one go */
enum { PACKED_ROWS = 96 };                                   /* with as many rows columns are copied */
enum { DOT_ROWS = 8, DOT_SIDES = 64 };                       /* with fewer rows, or rows and columns, nothing is */

/* Values of two vectors in turn, from their lower or upper halves. */
#if defined(__GNUC__) && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define INTERLEAVE(half, a, b) __builtin_shufflevector(a, b, half)
#endif
#endif

#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#define REAL double
#define NAME(name) products_##name##_f64
#include "products_real.h"
#undef REAL
#undef NAME
#undef LOW
#undef HIGH
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#define REAL float
#define NAME(name) products_##name##_f32
#include "products_real.h"
#undef REAL
#undef NAME

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

/* c (n, cols) += alpha p q, p (n, depth) read as p[i pi + k pk], q (depth, cols) row by row. */
static inline void products_multiply(int wide, ptrdiff_t n, ptrdiff_t cols, ptrdiff_t depth, double alpha,
                                     const void *p, ptrdiff_t pi, ptrdiff_t pk, const void *q, void *c) {
    if (wide)
        products_multiply_f64(n, cols, depth, alpha, p, pi, pk, q, cols, 1, c);
    else
        products_multiply_f32(n, cols, depth, (float)alpha, p, pi, pk, q, cols, 1, c);
}

/* c (n, rows) += a m^T, a (n, cols), m (rows, cols). */
static inline void products_dots(int wide, ptrdiff_t n, ptrdiff_t rows, ptrdiff_t cols, const void *a, const void *m,
                                 void *c) {
    int few = n < DOT_ROWS || (n + rows <= DOT_SIDES && cols >= BLOCK_DEPTH);
    if (wide && few)
        products_dots_f64(n, rows, cols, a, m, c);
    else if (wide)
        products_multiply_f64(n, rows, cols, 1.0, a, cols, 1, m, 1, cols, c);
    else if (few)
        products_dots_f32(n, rows, cols, a, m, c);
    else
        products_multiply_f32(n, rows, cols, 1.0f, a, cols, 1, m, 1, cols, c);
}

#endif
