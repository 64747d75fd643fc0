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

#define NARROW_BYTES 32                    /* of a vector; a tile fills the registers of AVX2 */
enum { TILE_VECTORS = 3 };
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

#define PRODUCTS_CLONES VECTOR_CLONES
#define VECTOR_BYTES NARROW_BYTES
#define TILE_ROWS 4
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
#undef LOW
#undef HIGH
#undef VECTOR_BYTES
#undef TILE_ROWS
#undef PRODUCTS_CLONES

/* The same with the vectors of AVX-512. A value of c is a sum of its own, so its bits stay: a processor with AVX-512
   takes a clone with fused products for narrow vectors too. Under sanitizers there are no clones. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define PRODUCTS_WIDE
#define PRODUCTS_CLONES __attribute__((target("arch=x86-64-v4,prefer-vector-width=512"), optimize("O3"), unused))
#define VECTOR_BYTES 64
#define TILE_ROWS 8
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#define REAL double
#define NAME(name) products_##name##_f64_wide
#include "products_real.h"
#undef REAL
#undef NAME
#undef LOW
#undef HIGH
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define REAL float
#define NAME(name) products_##name##_f32_wide
#include "products_real.h"
#undef REAL
#undef NAME
#undef LOW
#undef HIGH
#undef VECTOR_BYTES
#undef TILE_ROWS
#undef PRODUCTS_CLONES
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

/* Whether matrices of so many columns are multiplied with wide vectors. */
static inline int products_wide(ptrdiff_t cols, size_t size) {
#ifdef PRODUCTS_WIDE
    return cols * (ptrdiff_t)size >= 64 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512cd");
#else
    (void)cols, (void)size;
    return 0;
#endif
}

#ifndef PRODUCTS_WIDE
#define products_multiply_f64_wide products_multiply_f64
#define products_multiply_f32_wide products_multiply_f32
#endif

/* c += alpha p q, q (depth, cols) read as q[k qk + j qj]. */
static inline void products_any(int is_float64, ptrdiff_t n, ptrdiff_t cols, ptrdiff_t depth, double alpha,
                                const void *p, ptrdiff_t pi, ptrdiff_t pk, const void *q, ptrdiff_t qk, ptrdiff_t qj,
                                void *c) {
    int wide = products_wide(cols, is_float64 ? sizeof(double) : sizeof(float));
    if (is_float64)
        (wide ? products_multiply_f64_wide : products_multiply_f64)(n, cols, depth, alpha, p, pi, pk, q, qk, qj, c);
    else
        (wide ? products_multiply_f32_wide : products_multiply_f32)(n, cols, depth, (float)alpha, p, pi, pk, q, qk, qj,
                                                                    c);
}

/* c (n, cols) += alpha p q, p (n, depth) read as p[i pi + k pk], q (depth, cols) row by row. */
static inline void products_multiply(int is_float64, ptrdiff_t n, ptrdiff_t cols, ptrdiff_t depth, double alpha,
                                     const void *p, ptrdiff_t pi, ptrdiff_t pk, const void *q, void *c) {
    products_any(is_float64, n, cols, depth, alpha, p, pi, pk, q, cols, 1, c);
}

/* c (n, rows) += a m^T, a (n, cols), m (rows, cols). */
static inline void products_dots(int is_float64, ptrdiff_t n, ptrdiff_t rows, ptrdiff_t cols, const void *a,
                                 const void *m, void *c) {
    int few = n < DOT_ROWS || (n + rows <= DOT_SIDES && cols >= BLOCK_DEPTH);
    if (!few)
        products_any(is_float64, n, rows, cols, 1.0, a, cols, 1, m, 1, cols, c);
    else if (is_float64)
        products_dots_f64(n, rows, cols, a, m, c);
    else
        products_dots_f32(n, rows, cols, a, m, c);
}

#endif
