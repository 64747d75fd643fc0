/* Included by min_gru.h once for each REAL. */

/* z = sigmoid(v);  c = a or g(a), with g(a) = a + 1/2 for a >= 0 and sigmoid(a) below;  h = h_old + z (c - h_old),
   to the nearest value of a grid unless that is NULL */
VECTOR_INLINE void NAME(min_gru_row)(int positive, const REAL *restrict grid, ptrdiff_t n, REAL *restrict gate,
                                     REAL *restrict candidate, const REAL *restrict old, REAL *restrict h) {
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL z = 1 / (1 + NAME(exp)(-gate[i])), c = candidate[i];
        if (positive) {
            REAL low = 1 / (1 + NAME(exp)(-c));
            c = c >= 0 ? c + (REAL)0.5 : low;
        }
        gate[i] = z;
        candidate[i] = c;
        h[i] = (1 - z) * old[i] + z * c;
        if (grid)
            h[i] = NAME(quantized)(h[i], grid[i], grid[n + i], grid[2 * n + i], grid[3 * n + i]);
    }
}

VECTOR_CLONES static void NAME(min_gru_forward)(const min_gru_layer *p, REAL *pre, const REAL *first, REAL *h) {
    const ptrdiff_t n = p->n, stride = p->batch * n;
    for (ptrdiff_t t = 0; t < p->steps; t++) {
        const REAL *before = t ? h + (t - 1) * stride : first;
        for (ptrdiff_t b = p->low; b < p->high; b++) {
            REAL *row = pre + 2 * (t * stride + b * n);
            if (p->grid)
                NAME(min_gru_row)(p->positive, p->grid, n, row, row + n, before + b * n, h + t * stride + b * n);
            else if (p->positive)
                NAME(min_gru_row)(1, NULL, n, row, row + n, before + b * n, h + t * stride + b * n);
            else
                NAME(min_gru_row)(0, NULL, n, row, row + n, before + b * n, h + t * stride + b * n);
        }
    }
}

/* lambda = dh + carry;  dc = lambda z, times g'(a);  dv = lambda (c - h_old) z (1 - z);  carry = (1 - z) lambda */
VECTOR_INLINE void NAME(min_gru_row_back)(int positive, ptrdiff_t n, const REAL *restrict dh, const REAL *restrict old,
                                          REAL *restrict gate, REAL *restrict candidate, REAL *restrict carry) {
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL lambda = dh[i] + carry[i], z = gate[i], c = candidate[i];
        REAL by = lambda * z;
        if (positive)
            by *= c >= (REAL)0.5 ? (REAL)1 : c * (1 - c);
        gate[i] = lambda * (c - old[i]) * (z * (1 - z));
        candidate[i] = by;
        carry[i] = (1 - z) * lambda;
    }
}

VECTOR_CLONES static void NAME(min_gru_backward)(const min_gru_layer *p, const REAL *dh, const REAL *first,
                                                 const REAL *h, REAL *pre, REAL *carry) {
    const ptrdiff_t n = p->n, stride = p->batch * n;
    memset(carry + p->low * n, 0, (size_t)((p->high - p->low) * n) * sizeof(REAL));
    for (ptrdiff_t t = p->steps - 1; t >= 0; t--) {
        const REAL *before = t ? h + (t - 1) * stride : first;
        for (ptrdiff_t b = p->low; b < p->high; b++) {
            REAL *row = pre + 2 * (t * stride + b * n);
            const REAL *by = dh + t * stride + b * n;
            if (p->positive)
                NAME(min_gru_row_back)(1, n, by, before + b * n, row, row + n, carry + b * n);
            else
                NAME(min_gru_row_back)(0, n, by, before + b * n, row, row + n, carry + b * n);
        }
    }
}
