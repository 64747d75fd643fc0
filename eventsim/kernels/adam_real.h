/* Adam for one type of numbers; see adam.h. */

VECTOR_CLONES static void NAME(adam)(REAL *restrict p, const REAL *restrict g, REAL *restrict first,
                                     REAL *restrict second, REAL rate, REAL spread, REAL mean, REAL beta1, REAL beta2,
                                     REAL epsilon, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k++) {
        REAL slope = mean * g[k];
        REAL m = ADAM_MOMENT(beta1, first[k], slope);
        REAL v = ADAM_MOMENT(beta2, second[k], slope * slope);
        first[k] = m;
        second[k] = v;
        p[k] += ADAM_STEP(rate, m, (REAL)sqrt(v) * spread, epsilon);
    }
}
