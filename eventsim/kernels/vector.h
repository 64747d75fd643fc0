/* Elementary functions that a compiler can turn into vector instructions, and clones for wide registers.

   exp, expm1 and log are branch-free polynomials of fixed degree, accurate to about one unit in the
   last place. With contraction of a*b + c switched off (see setup.py) every clone of a function, for
   whatever register width, does the same operations in the same order and gives the same bits.

   VECTOR_CLONES in front of a function builds it for AVX-512, AVX2 and the baseline; the loader
   picks one when the module is loaded. Elsewhere than gcc on x86-64 with glibc there is the baseline only.
   Sanitizers get the baseline too: their checks are not ready yet when the loader picks.
   gcc optimises it fully, whatever it does with the rest of the module (see setup.py).
   Loops over VECTOR_LANES values are what the compiler is meant to vectorise. */

#ifndef EVENTSIM_VECTOR_H
#define EVENTSIM_VECTOR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define VECTOR_LANES 8 /* doubles in the widest register */

#if defined(__SANITIZE_ADDRESS__)
#define VECTOR_CLONES __attribute__((unused))
#elif defined(__GNUC__) && !defined(__clang__)
#if defined(__x86_64__) && defined(__GLIBC__)
#define VECTOR_CLONES                                                                              \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3"), unused))
#else
#define VECTOR_CLONES __attribute__((optimize("O3"), unused))
#endif
#else
#define VECTOR_CLONES
#endif

/* A helper has to be inlined, else it is compiled once, for the baseline only. */
#if defined(__GNUC__)
#define VECTOR_INLINE static inline __attribute__((always_inline))
#elif defined(_MSC_VER)
#define VECTOR_INLINE static __forceinline
#else
#define VECTOR_INLINE static inline
#endif

/* In front of a loop whose turns do not depend on each other, whatever its pointers may overlap with. */
#if defined(__GNUC__) && !defined(__clang__)
#define VECTOR_LOOP _Pragma("GCC ivdep")
#else
#define VECTOR_LOOP
#endif

VECTOR_INLINE int64_t vector_bits(double x) {
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

VECTOR_INLINE double vector_from_bits(int64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* -1 if the condition holds, else 0. */
VECTOR_INLINE int64_t vector_mask(int condition) { return condition ? (int64_t)-1 : (int64_t)0; }

/* a where mask is -1, b where it is 0: without a branch or a masked load, which compilers balk at. */
VECTOR_INLINE double vector_select(int64_t mask, double a, double b) {
    return vector_from_bits((vector_bits(a) & mask) | (vector_bits(b) & ~mask));
}

/* Adding this to a small double leaves its nearest integer in the low bits. */
#define VECTOR_ROUND 0x1.8p52
#define VECTOR_LN2_HIGH 0x1.62e42fefap-1 /* 33 bits of ln 2: times any exponent it is exact */
#define VECTOR_LN2_LOW 0x1.cf79abc9e3b3ap-40

/* Split e^x = scale (1 + rest), scale a power of two and |rest| < 0.42; x in [-708, 709]. */
VECTOR_INLINE double vector_exp_split(double x, double *scale) {
    double shifted = x * 0x1.71547652b82fep+0 + VECTOR_ROUND;
    double n = shifted - VECTOR_ROUND;
    double r = (x - n * VECTOR_LN2_HIGH) - n * VECTOR_LN2_LOW;
    double r2 = r * r, r4 = r2 * r2;
    /* Taylor to r^13; the remainder is below 2^-57 of the result on |r| <= ln(2)/2. */
    double low = (1. / 2 + r * (1. / 6)) + r2 * (1. / 24 + r * (1. / 120));
    double mid = (1. / 720 + r * (1. / 5040)) + r2 * (1. / 40320 + r * (1. / 362880));
    double high = (1. / 3628800 + r * (1. / 39916800)) + r2 * (1. / 479001600 + r * (1. / 6227020800.));
    *scale = vector_from_bits((int64_t)((uint64_t)(vector_bits(shifted) + 1023) << 52));
    return r + r2 * (low + r4 * (mid + r4 * high));
}

VECTOR_INLINE double vector_clamp(double x) {
    x = x > -708.0 ? x : -708.0;
    return x < 709.0 ? x : 709.0;
}

/* e^x for x in [-708, 709]. Where it is cut is best another loop: gcc likes to branch around what it
   knows the exponential of, and then builds no vectors. */
VECTOR_INLINE double vector_exp_within(double x) {
    double scale;
    double rest = vector_exp_split(x, &scale);
    return scale + scale * rest;
}

/* e^x; x is cut to [-708, 709], so the result is always finite and positive. */
VECTOR_INLINE double vector_exp(double x) { return vector_exp_within(vector_clamp(x)); }

/* e^x - 1, accurate near 0 as well; for x in [-708, 709]. */
VECTOR_INLINE double vector_expm1_within(double x) {
    double scale;
    double rest = vector_exp_split(x, &scale);
    return (scale - 1.0) + scale * rest;
}

/* e^x - 1, cut as vector_exp. */
VECTOR_INLINE double vector_expm1(double x) { return vector_expm1_within(vector_clamp(x)); }

/* ln x for a positive normal x. */
VECTOR_INLINE double vector_log(double x) {
    /* m in [sqrt(1/2), sqrt(2)) by moving the border of the binade */
    int64_t bits = vector_bits(x) - 0x3fe6a09e667f3bcdLL;
    int64_t exponent = (bits >> 52);
    double m = vector_from_bits((bits & 0x000fffffffffffffLL) + 0x3fe6a09e667f3bcdLL);
    /* the integer becomes a double by the same trick as in exp, which needs no conversion instruction */
    double n = vector_from_bits(exponent + vector_bits(VECTOR_ROUND)) - VECTOR_ROUND;
    double s = (m - 1.0) / (m + 1.0), z = s * s, z2 = z * z, z4 = z2 * z2;
    /* 2 atanh(s) - 2 s, divided by s^3; |s| < 0.172 */
    double low = (2. / 3 + z * (2. / 5)) + z2 * (2. / 7 + z * (2. / 9));
    double mid = (2. / 11 + z * (2. / 13)) + z2 * (2. / 15 + z * (2. / 17));
    double high = (2. / 19 + z * (2. / 21)) + z2 * (2. / 23);
    double tail = s * z * (low + z4 * (mid + z4 * high));
    return n * VECTOR_LN2_HIGH + (2.0 * s + (tail + n * VECTOR_LN2_LOW));
}

#endif
