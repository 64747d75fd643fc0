/* Included by gated_average.h once for each REAL. */

/* u to z: sigmoid(4 (u - 1/2)), clip(u, 0, 1), or the code clip(floor(levels u + half), 0, levels - 1) in rows. */
VECTOR_INLINE void NAME(gated_average_row)(int soft, int coded, REAL levels, REAL half, REAL rows, ptrdiff_t n,
                                           const REAL *restrict gate, const REAL *restrict candidate,
                                           const REAL *restrict old, REAL *restrict gates, REAL *restrict h) {
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL u = gate[i], z;
        if (soft) {
            z = 1 / (1 + NAME(exp)(-4 * (u - (REAL)0.5)));
        } else if (coded) {
            REAL k = u * levels + half;
            k = k > 0 ? k : 0;
            k = k < levels - 1 ? k : levels - 1;
            k = (REAL)(int)k;
            z = (REAL)(int)(k * (rows / levels) + (REAL)0.5) / rows;
        } else {
            z = u > 0 ? u : 0;
            z = z < 1 ? z : 1;
        }
        gates[i] = z;
        h[i] = (1 - z) * old[i] + z * candidate[i];
    }
}

VECTOR_CLONES static void NAME(gated_average_forward)(const gated_average_layer *p, const REAL *pre, const REAL *first,
                                                      REAL *z, REAL *h) {
    const ptrdiff_t n = p->n, stride = p->batch * n;
    const REAL levels = (REAL)p->levels, half = (REAL)p->half, rows = (REAL)p->rows;
    for (ptrdiff_t t = 0; t < p->steps; t++) {
        const REAL *before = t ? h + (t - 1) * stride : first;
        for (ptrdiff_t b = p->low; b < p->high; b++) {
            const REAL *row = pre + 2 * (t * stride + b * n);
            const ptrdiff_t at = t * stride + b * n;
            if (p->soft)
                NAME(gated_average_row)(1, 0, levels, half, rows, n, row, row + n, before + b * n, z + at, h + at);
            else if (p->levels > 0)
                NAME(gated_average_row)(0, 1, levels, half, rows, n, row, row + n, before + b * n, z + at, h + at);
            else
                NAME(gated_average_row)(0, 0, levels, half, rows, n, row, row + n, before + b * n, z + at, h + at);
        }
    }
}

/* lambda = dh + carry;  dc = lambda z;  du = lambda (c - h_old), times dz/du: 4 z (1 - z), or 1 within the clip;
   carry = (1 - z) lambda */
VECTOR_INLINE void NAME(gated_average_row_back)(int soft, ptrdiff_t n, const REAL *restrict dh,
                                                const REAL *restrict old, const REAL *restrict gates,
                                                REAL *restrict gate, REAL *restrict candidate, REAL *restrict carry) {
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL lambda = dh[i] + carry[i], z = gates[i], u = gate[i], by = lambda * (candidate[i] - old[i]);
        REAL inside = u > 0 ? (u < 1 ? (REAL)1 : (REAL)0) : (REAL)0;
        gate[i] = soft ? by * (4 * z * (1 - z)) : by * inside;
        candidate[i] = lambda * z;
        carry[i] = (1 - z) * lambda;
    }
}

VECTOR_CLONES static void NAME(gated_average_backward)(const gated_average_layer *p, const REAL *dh, const REAL *first,
                                                       const REAL *h, const REAL *z, REAL *pre, REAL *carry) {
    const ptrdiff_t n = p->n, stride = p->batch * n;
    memset(carry + p->low * n, 0, (size_t)((p->high - p->low) * n) * sizeof(REAL));
    for (ptrdiff_t t = p->steps - 1; t >= 0; t--) {
        const REAL *before = t ? h + (t - 1) * stride : first;
        for (ptrdiff_t b = p->low; b < p->high; b++) {
            REAL *row = pre + 2 * (t * stride + b * n);
            const ptrdiff_t at = t * stride + b * n;
            if (p->soft)
                NAME(gated_average_row_back)(1, n, dh + at, before + b * n, z + at, row, row + n, carry + b * n);
            else
                NAME(gated_average_row_back)(0, n, dh + at, before + b * n, z + at, row, row + n, carry + b * n);
        }
    }
}
