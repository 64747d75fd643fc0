/* Included by elementwise.h once for each REAL. */

VECTOR_INLINE REAL NAME(sigmoid)(REAL x) { return 1 / (1 + NAME(exp)(-x)); }

/* x Phi(x), Phi the normal distribution: 1/2 (1 + erf(x / sqrt 2)); or with a sigmoid of a cubic for Phi. */
VECTOR_CLONES static void NAME(gelu)(ptrdiff_t n, int exact, const REAL *restrict x, REAL *restrict y) {
    if (exact)
        for (ptrdiff_t i = 0; i < n; i++)
            y[i] = x[i] * (REAL)0.5 * (1 + NAME(erf_real)(x[i] * (REAL)HALF_ROOT));
    else
        for (ptrdiff_t i = 0; i < n; i++)
            y[i] = x[i] * NAME(sigmoid)(2 * (REAL)GELU_ROOT * (x[i] + (REAL)GELU_CUBE * x[i] * x[i] * x[i]));
}

VECTOR_CLONES static void NAME(gelu_back)(ptrdiff_t n, int exact, const REAL *restrict x, const REAL *restrict dy,
                                          REAL *restrict dx) {
    if (exact)
        for (ptrdiff_t i = 0; i < n; i++) {
            const REAL phi = (REAL)NORMAL_PEAK * NAME(exp)(-(REAL)0.5 * x[i] * x[i]);
            dx[i] = dy[i] * ((REAL)0.5 * (1 + NAME(erf_real)(x[i] * (REAL)HALF_ROOT)) + x[i] * phi);
        }
    else
        for (ptrdiff_t i = 0; i < n; i++) {
            const REAL s = NAME(sigmoid)(2 * (REAL)GELU_ROOT * (x[i] + (REAL)GELU_CUBE * x[i] * x[i] * x[i]));
            const REAL slope = 2 * (REAL)GELU_ROOT * (1 + 3 * (REAL)GELU_CUBE * x[i] * x[i]);
            dx[i] = dy[i] * (s + x[i] * s * (1 - s) * slope);
        }
}

/* Rows of 2 n values p, q: y = p sigmoid(q). */
VECTOR_CLONES static void NAME(glu)(ptrdiff_t rows, ptrdiff_t n, const REAL *restrict x, REAL *restrict y) {
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < n; j++)
            y[i * n + j] = x[2 * i * n + j] * NAME(sigmoid)(x[2 * i * n + n + j]);
}

VECTOR_CLONES static void NAME(glu_back)(ptrdiff_t rows, ptrdiff_t n, const REAL *restrict x, const REAL *restrict dy,
                                         REAL *restrict dx) {
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < n; j++) {
            const REAL s = NAME(sigmoid)(x[2 * i * n + n + j]), d = dy[i * n + j];
            dx[2 * i * n + j] = d * s;
            dx[2 * i * n + n + j] = d * x[2 * i * n + j] * s * (1 - s);
        }
}

/* y = x / (1 - p) with probability 1 - p, else 0; 32 bits decide about a value, of place `first` and on. */
VECTOR_CLONES static void NAME(dropout)(ptrdiff_t first, ptrdiff_t n, uint64_t key, uint64_t dropped, REAL scale,
                                        const REAL *restrict x, REAL *restrict y) {
    for (ptrdiff_t i = 0; i < n; i++)
        y[i] = (dropout_bits(key, (uint64_t)(first + i)) >> 32) < dropped ? (REAL)0 : scale * x[i];
}
