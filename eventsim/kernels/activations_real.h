/* Included by activations.h once for each REAL. */

/* rate = phi(x), slope = phi'(x), n values. */
VECTOR_CLONES static void NAME(activate)(int kind, const REAL *restrict x, REAL *restrict rate, REAL *restrict slope,
                                         ptrdiff_t n) {
    switch (kind) {
    case TANH:
        for (ptrdiff_t k = 0; k < n; k++) {
            REAL size = x[k] < 0 ? -x[k] : x[k];
            size = size < 22 ? size : 22; /* beyond, tanh is 1 */
            REAL t = NAME(expm1)(2 * size);
            REAL y = t / (t + 2);
            rate[k] = x[k] < 0 ? -y : y;
            slope[k] = 1 - y * y;
        }
        break;
    case LOGISTIC:
        for (ptrdiff_t k = 0; k < n; k++) {
            REAL y = 1 / (1 + NAME(exp)(-x[k]));
            rate[k] = y;
            slope[k] = y * (1 - y);
        }
        break;
    case HARD_SIGMOID: /* the slope is 1 on the closed interval */
        for (ptrdiff_t k = 0; k < n; k++) {
            REAL y = x[k] > 0 ? x[k] : 0;
            rate[k] = y < 1 ? y : 1;
            slope[k] = (x[k] >= 0) & (x[k] <= 1) ? (REAL)1 : (REAL)0;
        }
        break;
    case SOFTPLUS:
        for (ptrdiff_t k = 0; k < n; k++) {
            REAL size = x[k] < 0 ? -x[k] : x[k];
            REAL y = NAME(exp)(-size);
            rate[k] = (x[k] > 0 ? x[k] : 0) + NAME(log1p)(y);
            slope[k] = (x[k] > 0 ? (REAL)1 : y) / (1 + y);
        }
        break;
    case RELU:
        for (ptrdiff_t k = 0; k < n; k++) {
            rate[k] = x[k] > 0 ? x[k] : 0;
            slope[k] = x[k] > 0 ? (REAL)1 : (REAL)0;
        }
        break;
    default:
        for (ptrdiff_t k = 0; k < n; k++) {
            rate[k] = x[k];
            slope[k] = 1;
        }
    }
}
