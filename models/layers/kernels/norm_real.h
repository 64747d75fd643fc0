/* Included by norm.h once for each REAL. Arrays are (rows, n); rows that `valid` excludes count nowhere. */

/* first += sum of (x - shift), second += sum of (x - shift)^2 by column, in double precision. */
VECTOR_CLONES static void NAME(column_moments)(ptrdiff_t rows, ptrdiff_t n, const REAL *restrict x,
                                               const unsigned char *valid, const REAL *restrict shift,
                                               double *restrict first, double *restrict second) {
    for (ptrdiff_t i = 0; i < rows; i++) {
        if (valid && !valid[i])
            continue;
        const REAL *restrict row = x + i * n;
        for (ptrdiff_t j = 0; j < n; j++) {
            double d = (double)row[j] - (double)shift[j];
            first[j] += d;
            second[j] += d * d;
        }
    }
}

/* y = (x - mean) scale + beta */
VECTOR_CLONES static void NAME(column_normalise)(ptrdiff_t rows, ptrdiff_t n, const REAL *restrict x,
                                                 const REAL *restrict mean, const REAL *restrict scale,
                                                 const REAL *restrict beta, REAL *restrict y) {
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < n; j++)
            y[i * n + j] = (x[i * n + j] - mean[j]) * scale[j] + beta[j];
}

/* first += sum of dy, second += sum of dy (x - mean) by column, in double precision. */
VECTOR_CLONES static void NAME(column_products)(ptrdiff_t rows, ptrdiff_t n, const REAL *restrict x,
                                                const REAL *restrict dy, const unsigned char *valid,
                                                const REAL *restrict mean, double *restrict first,
                                                double *restrict second) {
    for (ptrdiff_t i = 0; i < rows; i++) {
        if (valid && !valid[i])
            continue;
        const REAL *restrict row = x + i * n, *restrict by = dy + i * n;
        for (ptrdiff_t j = 0; j < n; j++) {
            double d = by[j];
            first[j] += d;
            second[j] += d * ((double)row[j] - (double)mean[j]);
        }
    }
}

/* dx = a dy + b (x - mean) + c, and 0 in rows that do not count */
VECTOR_CLONES static void NAME(column_back)(ptrdiff_t rows, ptrdiff_t n, const REAL *restrict x,
                                            const REAL *restrict dy, const unsigned char *valid,
                                            const REAL *restrict mean, const REAL *restrict a, const REAL *restrict b,
                                            const REAL *restrict c, REAL *restrict dx) {
    for (ptrdiff_t i = 0; i < rows; i++) {
        const REAL keep = !valid || valid[i] ? (REAL)1 : (REAL)0;
        for (ptrdiff_t j = 0; j < n; j++)
            dx[i * n + j] = keep * (a[j] * dy[i * n + j] + b[j] * (x[i * n + j] - mean[j]) + c[j]);
    }
}

VECTOR_INLINE double NAME(folded)(const double *lanes) {
    double sum[NORM_LANES];
    for (int l = 0; l < NORM_LANES; l++)
        sum[l] = lanes[l];
    for (int half = NORM_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            sum[l] += sum[l + half];
    return sum[0];
}

/* Sum of term, an expression of j, over j < n. */
#define SUM_OVER(n, result, term)                                                                                      \
    do {                                                                                                               \
        double lanes[NORM_LANES] = {0};                                                                                \
        ptrdiff_t whole = (n) / NORM_LANES * NORM_LANES;                                                               \
        for (ptrdiff_t start = 0; start < whole; start += NORM_LANES)                                                  \
            for (int l = 0; l < NORM_LANES; l++) {                                                                     \
                ptrdiff_t j = start + l;                                                                               \
                lanes[l] += (term);                                                                                    \
            }                                                                                                          \
        for (ptrdiff_t j = whole; j < (n); j++)                                                                        \
            lanes[j - whole] += (term);                                                                                \
        (result) = NAME(folded)(lanes);                                                                                \
    } while (0)

/* Each row by its own mean and variance: y = (x - mean) / sqrt(var + epsilon) gamma + beta.  moments (rows, 2): mean
   and 1 / sqrt(var + epsilon). */
VECTOR_CLONES static void NAME(row_normalise)(ptrdiff_t rows, ptrdiff_t n, double epsilon, const REAL *restrict x,
                                              const REAL *restrict gamma, const REAL *restrict beta,
                                              REAL *restrict y, double *restrict moments) {
    for (ptrdiff_t i = 0; i < rows; i++) {
        const REAL *restrict row = x + i * n;
        double mean, var;
        SUM_OVER(n, mean, (double)row[j]);
        mean /= n;
        SUM_OVER(n, var, ((double)row[j] - mean) * ((double)row[j] - mean));
        const double r = 1 / sqrt(var / n + epsilon);
        moments[2 * i] = mean, moments[2 * i + 1] = r;
        for (ptrdiff_t j = 0; j < n; j++)
            y[i * n + j] = (REAL)(((double)row[j] - mean) * r) * gamma[j] + beta[j];
    }
}

/* With z = (x - mean) r and d = dy gamma: dx = r (d - mean(d) - z mean(d z)); by_gamma += dy z, by_beta += dy. */
VECTOR_CLONES static void NAME(row_back)(ptrdiff_t rows, ptrdiff_t n, const REAL *restrict x, const REAL *restrict dy,
                                         const REAL *restrict gamma, const double *restrict moments,
                                         double *restrict by_gamma, double *restrict by_beta, REAL *restrict dx) {
    for (ptrdiff_t i = 0; i < rows; i++) {
        const REAL *restrict row = x + i * n, *restrict by = dy + i * n;
        const double mean = moments[2 * i], r = moments[2 * i + 1];
        double sum, product;
        SUM_OVER(n, sum, (double)by[j] * gamma[j]);
        SUM_OVER(n, product, (double)by[j] * gamma[j] * (((double)row[j] - mean) * r));
        sum /= n, product /= n;
        for (ptrdiff_t j = 0; j < n; j++) {
            const double z = ((double)row[j] - mean) * r;
            by_gamma[j] += by[j] * z;
            by_beta[j] += by[j];
            dx[i * n + j] = (REAL)(r * ((double)by[j] * gamma[j] - sum - z * product));
        }
    }
}

#undef SUM_OVER
