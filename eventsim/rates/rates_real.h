/* Included by rates.h once for each REAL. A matrix m is (rows, cols), a batch of vectors (batch, length),
   all row by row. */

/* to += from, n values. */
VECTOR_CLONES static void NAME(add)(REAL *restrict to, const REAL *restrict from, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k++)
        to[k] += from[k];
}

/* to += c * from, n values. */
VECTOR_CLONES static void NAME(add_scaled)(REAL *restrict to, const REAL *restrict from, REAL c, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k++)
        to[k] += c * from[k];
}

/* to += c * (from - to), n values: one step of a low-pass. */
VECTOR_CLONES static void NAME(follow)(REAL *restrict to, const REAL *restrict from, REAL c, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k++)
        to[k] += c * (from[k] - to[k]);
}

/* Add one row of doubles to each row of a batch. */
VECTOR_CLONES static void NAME(add_to_all)(REAL *restrict to, const double *restrict row, double c, ptrdiff_t n,
                                           ptrdiff_t batch) {
    for (ptrdiff_t b = 0; b < batch; b++)
        for (ptrdiff_t k = 0; k < n; k++)
            to[b * n + k] += (REAL)(c * row[k]);
}

/* Add one row to each row of a batch. */
VECTOR_CLONES static void NAME(add_row)(REAL *restrict to, const REAL *restrict row, ptrdiff_t n, ptrdiff_t batch) {
    for (ptrdiff_t b = 0; b < batch; b++)
        for (ptrdiff_t k = 0; k < n; k++)
            to[b * n + k] += row[k];
}

/* row += c * (sum over the batch of from). */
VECTOR_CLONES static void NAME(sum_rows)(REAL *restrict row, const REAL *restrict from, REAL c, ptrdiff_t n,
                                         ptrdiff_t batch) {
    REAL sum[RATES_CHUNK];
    for (ptrdiff_t first = 0; first < n; first += RATES_CHUNK) {
        ptrdiff_t width = n - first < RATES_CHUNK ? n - first : RATES_CHUNK;
        for (ptrdiff_t k = 0; k < width; k++)
            sum[k] = 0;
        for (ptrdiff_t b = 0; b < batch; b++)
            for (ptrdiff_t k = 0; k < width; k++)
                sum[k] += from[b * n + first + k];
        for (ptrdiff_t k = 0; k < width; k++)
            row[first + k] += c * sum[k];
    }
}

/* to = gain times the nearest multiple of `step` (halves the even one; any value with 0) of what is cut to +-limit. */
VECTOR_CLONES static void NAME(quantize)(REAL *restrict to, const REAL *restrict from, const REAL *restrict gain,
                                         REAL step, REAL limit, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k++) {
        REAL v = from[k] < limit ? from[k] : limit;
        v = v > -limit ? v : -limit;
        if (step > 0)
            v = (REAL)rint((double)v / step) * step;
        to[k] = gain ? gain[k] * v : v;
    }
}

/* Scalar product, in lanes. */
VECTOR_INLINE REAL NAME(dot)(const REAL *restrict a, const REAL *restrict b, ptrdiff_t n) {
    REAL lane[RATES_LANES] = {0};
    REAL sum = 0;
    ptrdiff_t k = 0;
    if (n >= RATES_LANES) {
        for (; k + RATES_LANES <= n; k += RATES_LANES)
            for (int l = 0; l < RATES_LANES; l++)
                lane[l] += a[k + l] * b[k + l];
        for (int half = RATES_LANES / 2; half > 0; half /= 2)
            for (int l = 0; l < half; l++)
                lane[l] += lane[l + half];
        sum = lane[0];
    }
    for (; k < n; k++)
        sum += a[k] * b[k];
    return sum;
}

/* out += m y for some rows of m: a function of its own, which is compiled once for all its callers. */
VECTOR_CLONES static void NAME(collect)(const REAL *restrict m, ptrdiff_t rows, ptrdiff_t cols, const REAL *restrict y,
                                        REAL *restrict out) {
    for (ptrdiff_t s = 0; s < rows; s++)
        out[s] += NAME(dot)(m + s * cols, y, cols);
}

/* What one pass over a matrix does to a single sample, each part optional:
       m[s][f] += c a[s] b[f]          `change`
       out_f[f] += x[s] m[s][f]        `spread`
       out_s[s] += m[s] . y            `collect`
   With `spread_first` the order is spread, change, collect, otherwise collect, change, spread: one of the two
   products reads the weights before their change, the other the weights after it. */
VECTOR_INLINE void NAME(pass)(REAL *restrict m, ptrdiff_t rows, ptrdiff_t cols, REAL c, const REAL *restrict a,
                              const REAL *restrict b, const REAL *restrict x, REAL *restrict out_f,
                              const REAL *restrict y, REAL *restrict out_s, int change, int spread, int collect,
                              int spread_first) {
    ptrdiff_t s = 0;
    for (; s + RATES_ROWS <= rows; s += RATES_ROWS) {
        REAL *m0 = m + s * cols, *m1 = m0 + cols, *m2 = m1 + cols, *m3 = m2 + cols;
        if (collect && !spread_first)
            NAME(collect)(m0, RATES_ROWS, cols, y, out_s + s);
        if (change) {
            REAL a0 = c * a[s], a1 = c * a[s + 1], a2 = c * a[s + 2], a3 = c * a[s + 3];
            if (spread) {
                REAL x0 = x[s], x1 = x[s + 1], x2 = x[s + 2], x3 = x[s + 3];
                VECTOR_LOOP
                for (ptrdiff_t f = 0; f < cols; f++) {
                    REAL by = b[f];
                    REAL v0 = m0[f], v1 = m1[f], v2 = m2[f], v3 = m3[f];
                    REAL w0 = v0 + a0 * by, w1 = v1 + a1 * by, w2 = v2 + a2 * by, w3 = v3 + a3 * by;
                    m0[f] = w0, m1[f] = w1, m2[f] = w2, m3[f] = w3;
                    if (spread_first)
                        out_f[f] = (((out_f[f] + x0 * v0) + x1 * v1) + x2 * v2) + x3 * v3;
                    else
                        out_f[f] = (((out_f[f] + x0 * w0) + x1 * w1) + x2 * w2) + x3 * w3;
                }
            } else {
                VECTOR_LOOP
                for (ptrdiff_t f = 0; f < cols; f++) {
                    REAL by = b[f];
                    m0[f] += a0 * by, m1[f] += a1 * by, m2[f] += a2 * by, m3[f] += a3 * by;
                }
            }
        } else if (spread) {
            REAL x0 = x[s], x1 = x[s + 1], x2 = x[s + 2], x3 = x[s + 3];
            VECTOR_LOOP
            for (ptrdiff_t f = 0; f < cols; f++)
                out_f[f] = (((out_f[f] + x0 * m0[f]) + x1 * m1[f]) + x2 * m2[f]) + x3 * m3[f];
        }
        if (collect && spread_first)
            NAME(collect)(m0, RATES_ROWS, cols, y, out_s + s);
    }
    for (; s < rows; s++) {
        REAL *m0 = m + s * cols;
        if (collect && !spread_first)
            NAME(collect)(m0, 1, cols, y, out_s + s);
        if (spread && spread_first) {
            REAL x0 = x[s];
            VECTOR_LOOP
            for (ptrdiff_t f = 0; f < cols; f++)
                out_f[f] += x0 * m0[f];
        }
        if (change) {
            REAL a0 = c * a[s];
            VECTOR_LOOP
            for (ptrdiff_t f = 0; f < cols; f++)
                m0[f] += a0 * b[f];
        }
        if (spread && !spread_first) {
            REAL x0 = x[s];
            VECTOR_LOOP
            for (ptrdiff_t f = 0; f < cols; f++)
                out_f[f] += x0 * m0[f];
        }
        if (collect && spread_first)
            NAME(collect)(m0, 1, cols, y, out_s + s);
    }
}

/* The pass for one sample; a part is left out where its vectors are NULL. With a change and one product, the
   product reads the changed weights whatever `spread_first` says. */
VECTOR_CLONES static void NAME(sweep)(REAL *m, ptrdiff_t rows, ptrdiff_t cols, REAL c, const REAL *a, const REAL *b,
                                      const REAL *x, REAL *out_f, const REAL *y, REAL *out_s, int spread_first) {
    if (a && x && y && spread_first)
        NAME(pass)(m, rows, cols, c, a, b, x, out_f, y, out_s, 1, 1, 1, 1);
    else if (a && x && y)
        NAME(pass)(m, rows, cols, c, a, b, x, out_f, y, out_s, 1, 1, 1, 0);
    else if (a && x)
        NAME(pass)(m, rows, cols, c, a, b, x, out_f, y, out_s, 1, 1, 0, 0);
    else if (a && y)
        NAME(pass)(m, rows, cols, c, a, b, x, out_f, y, out_s, 1, 0, 1, 1);
    else if (a)
        NAME(pass)(m, rows, cols, c, a, b, x, out_f, y, out_s, 1, 0, 0, 0);
    else if (x && y)
        NAME(pass)(m, rows, cols, c, a, b, x, out_f, y, out_s, 0, 1, 1, 0);
    else if (x)
        NAME(pass)(m, rows, cols, c, a, b, x, out_f, y, out_s, 0, 1, 0, 0);
    else if (y)
        NAME(collect)(m, rows, cols, y, out_s);
}

/* Change a parameter along its gradient g (summed over the batch, not yet divided): momentum.
   velocity = momentum * velocity + mean * g ;  p += rate * velocity */
VECTOR_CLONES static void NAME(momentum)(REAL *restrict p, const REAL *restrict g, REAL *restrict velocity, REAL rate,
                                         REAL mean, REAL momentum, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k++) {
        velocity[k] = momentum * velocity[k] + mean * g[k];
        p[k] += rate * velocity[k];
    }
}

