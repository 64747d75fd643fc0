/* Included by spikes.h once for each REAL. */

VECTOR_CLONES static int NAME(spikes_multiply)(ptrdiff_t cols, ptrdiff_t depth, const REAL *restrict p,
                                               const REAL *restrict q, REAL *restrict sum, REAL *restrict c) {
    int others = 0;
    for (ptrdiff_t k = 0; k < depth; k++)
        others |= (p[k] != 0) & (p[k] != 1);
    if (others)
        return 0;
    memset(sum, 0, (size_t)cols * sizeof(REAL));
    for (ptrdiff_t k = 0; k < depth; k++)
        if (p[k] != 0)
            for (ptrdiff_t j = 0; j < cols; j++)
                sum[j] += q[k * cols + j];
    for (ptrdiff_t j = 0; j < cols; j++)
        c[j] += sum[j];
    return 1;
}
