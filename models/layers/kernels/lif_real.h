/* Included by lif.h once for each REAL, with WHOLE the integer of its width. */

VECTOR_INLINE REAL NAME(magnitude)(REAL x) { return x < 0 ? -x : x; }

/* The derivative that takes the place of that of a spike, x = v - threshold. */
VECTOR_INLINE REAL NAME(slope)(int kind, REAL width, REAL x) {
    REAL size = NAME(magnitude)(x);
    if (kind == SURROGATE_BOX)
        return size < (REAL)0.5 * width ? 1 / width : (REAL)0;
    if (kind == SURROGATE_TRIANGLE)
        return size < width ? (1 - size / width) / width : (REAL)0;
    REAL root = 10 * size / width + 1;
    return 1 / (root * root);
}

/* Its integral, from 0 (or about 0) far below the threshold. */
VECTOR_INLINE REAL NAME(ramp)(int kind, REAL width, REAL x) {
    REAL size = NAME(magnitude)(x), sign = x < 0 ? (REAL)-1 : (REAL)1, r;
    if (kind == SURROGATE_BOX) {
        r = x / width + (REAL)0.5;
        return r < 0 ? 0 : r > 1 ? 1 : r;
    }
    if (kind == SURROGATE_TRIANGLE) {
        r = 1 - (size < width ? size / width : (REAL)1);
        return (REAL)0.5 + sign * (REAL)0.5 * (1 - r * r);
    }
    return (REAL)0.5 + x / (10 * size / width + 1);
}

VECTOR_INLINE REAL NAME(spike)(int smooth, int kind, REAL width, REAL x) {
    return smooth ? NAME(ramp)(kind, width, x) : x > 0 ? (REAL)1 : (REAL)0;
}

/* One step of some units. The comparison is that of v with the threshold, since a difference may round to 0. */
VECTOR_INLINE void NAME(lif_row)(int smooth, int kind, REAL width, ptrdiff_t n, const REAL *restrict alpha,
                                 const REAL *restrict threshold, const REAL *restrict current,
                                 const REAL *restrict v_old, const REAL *restrict s_old, REAL *restrict v,
                                 REAL *restrict s) {
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL x = alpha[i] * v_old[i] + current[i] - threshold[i] * s_old[i];
        v[i] = x;
        s[i] = smooth ? NAME(ramp)(kind, width, x - threshold[i]) : x > threshold[i] ? (REAL)1 : (REAL)0;
    }
}

/* Membranes to the nearest value of a grid, and the spikes that they send then. */
VECTOR_INLINE void NAME(lif_round)(ptrdiff_t n, ptrdiff_t row, const REAL *restrict grid,
                                   const REAL *restrict threshold, REAL *restrict v, REAL *restrict s) {
    for (ptrdiff_t i = 0; i < n; i++) {
        v[i] = NAME(quantized)(v[i], grid[i], grid[row + i], grid[2 * row + i], grid[3 * row + i]);
        s[i] = v[i] > threshold[i] ? (REAL)1 : (REAL)0;
    }
}

#define EACH_BLOCK(p)                                                                                                  \
    const ptrdiff_t stride = (p)->batch * (p)->n, end = (p)->high * (p)->n;                                            \
    const ptrdiff_t block = (LIF_BLOCK + (p)->row - 1) / (p)->row * (p)->row;                                          \
    for (ptrdiff_t from = (p)->low * (p)->n, to; from < end && (to = from + block < end ? from + block : end, 1);      \
         from = to)
#define EACH_LINE(k) for (ptrdiff_t k = 0; k < m; k += (ptrdiff_t)(64 / sizeof(REAL)))
#define EACH_ROW(p) for (ptrdiff_t i = from, m; i < to && (m = to - i < (p)->row ? to - i : (p)->row, 1); i += m)

/* Counts spikes, and membranes that have changed; before the first step there are none. */
VECTOR_INLINE void NAME(lif_count)(ptrdiff_t n, const REAL *restrict s, const REAL *restrict v,
                                   const REAL *restrict v_old, WHOLE *restrict spikes, WHOLE *restrict changes) {
    if (v_old)
        for (ptrdiff_t i = 0; i < n; i++) {
            spikes[i] += s[i] != 0;
            changes[i] += v[i] != v_old[i];
        }
    else
        for (ptrdiff_t i = 0; i < n; i++)
            spikes[i] += s[i] != 0;
}

/* Adds what the rows of a block have counted to the units, of which a row holds several copies. */
VECTOR_INLINE void NAME(lif_fold)(const lif_layer *p, const WHOLE *counted) {
    for (ptrdiff_t k = 0; k < p->row; k += p->n)
        for (ptrdiff_t i = 0; i < p->n; i++) {
            p->spikes[i] += counted[k + i];
            *p->changes += counted[p->row + k + i];
        }
}

VECTOR_CLONES static void NAME(lif_forward)(const lif_layer *p, const REAL *current, const REAL *first_v,
                                            const REAL *first_s, REAL *v, REAL *s) {
    const REAL *alpha = p->alpha, *threshold = p->threshold, width = (REAL)p->width;
    WHOLE *counted = p->spikes ? p->room : NULL;
    EACH_BLOCK(p) {
        if (counted)
            memset(counted, 0, 2 * (size_t)p->row * sizeof(WHOLE));
        for (ptrdiff_t t = 0; t < p->steps; t++) {
            const REAL *v_old = t ? v + (t - 1) * stride : first_v, *s_old = t ? s + (t - 1) * stride : first_s;
            const ptrdiff_t now = t * stride;
            EACH_ROW(p) {
                if (t + 1 < p->steps) {
                    const ptrdiff_t next = now + stride + i;
                    EACH_LINE(k) {
                        LIF_SOON(current + next + k);
                        LIF_SOON(v + next + k);
                        LIF_SOON(s + next + k);
                    }
                }
                if (!p->smooth)
                    NAME(lif_row)(0, 0, width, m, alpha, threshold, current + now + i, v_old + i, s_old + i,
                                  v + now + i, s + now + i);
                else
                    NAME(lif_row)(1, p->surrogate, width, m, alpha, threshold, current + now + i, v_old + i,
                                  s_old + i, v + now + i, s + now + i);
                if (p->grid)
                    NAME(lif_round)(m, p->row, p->grid, threshold, v + now + i, s + now + i);
                if (counted)
                    NAME(lif_count)(m, s + now + i, v + now + i, t ? v_old + i : NULL, counted, counted + p->row);
            }
        }
        if (counted)
            NAME(lif_fold)(p, counted);
    }
}

/*  by_alpha += lambda[t+1] v[t]
    g = ds[t] - threshold lambda[t+1];  lambda[t] = g slope(v[t] - threshold) + alpha lambda[t+1] = dL/dcurrent[t]
    by_threshold -= g slope + lambda[t+1] s[t] */
VECTOR_INLINE void NAME(lif_row_back)(int kind, int parameters, int smooth, REAL width, ptrdiff_t n,
                                      const REAL *restrict alpha, const REAL *restrict threshold,
                                      const REAL *restrict ds, REAL *restrict v, REAL *restrict by_alpha,
                                      REAL *restrict by_threshold, REAL *restrict lambda) {
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL old = lambda[i], x = v[i] - threshold[i];
        REAL pulled = (ds[i] - threshold[i] * old) * NAME(slope)(kind, width, x);
        if (parameters & 1)
            by_alpha[i] += old * v[i];
        if (parameters & 2)
            by_threshold[i] -= pulled + old * NAME(spike)(smooth, kind, width, x);
        v[i] = lambda[i] = pulled + alpha[i] * old;
    }
}

VECTOR_CLONES static void NAME(lif_backward)(const lif_layer *p, const REAL *ds, REAL *v, REAL *by_alpha,
                                             REAL *by_threshold, REAL *lambda) {
    const REAL *alpha = p->alpha, *threshold = p->threshold, width = (REAL)p->width;
    const int wanted = (by_alpha ? 1 : 0) | (by_threshold ? 2 : 0);
    const size_t from_all = (size_t)(p->low * p->n), bytes = (size_t)((p->high - p->low) * p->n) * sizeof(REAL);
    memset(lambda + from_all, 0, bytes);
    if (by_alpha)
        memset(by_alpha + from_all, 0, bytes);
    if (by_threshold)
        memset(by_threshold + from_all, 0, bytes);
#define BACK(kind, wanted, smooth)                                                                                     \
    NAME(lif_row_back)(kind, wanted, smooth, width, m, alpha, threshold, ds + now + i, v + now + i,                    \
                       by_alpha ? by_alpha + i : NULL, by_threshold ? by_threshold + i : NULL, lambda + i)
    EACH_BLOCK(p) {
        for (ptrdiff_t t = p->steps - 1; t >= 0; t--) {
            const ptrdiff_t now = t * stride;
            EACH_ROW(p) {
                if (t > 0) {
                    const ptrdiff_t next = now - stride + i;
                    EACH_LINE(k) {
                        LIF_SOON(ds + next + k);
                        LIF_SOON(v + next + k);
                    }
                }
                if (p->surrogate == SURROGATE_BOX && wanted == 0)
                    BACK(SURROGATE_BOX, 0, 0);
                else if (p->surrogate == SURROGATE_BOX && wanted == 1)
                    BACK(SURROGATE_BOX, 1, 0);
                else if (p->surrogate == SURROGATE_FAST_SIGMOID && wanted <= 1)
                    BACK(SURROGATE_FAST_SIGMOID, wanted, 0);
                else if (p->surrogate == SURROGATE_TRIANGLE && wanted <= 1)
                    BACK(SURROGATE_TRIANGLE, wanted, 0);
                else
                    BACK(p->surrogate, wanted, p->smooth);
            }
        }
    }
#undef BACK
}

VECTOR_CLONES static void NAME(leak_forward)(const lif_layer *p, const REAL *current, const REAL *first, REAL *u) {
    const REAL *alpha = p->alpha;
    EACH_BLOCK(p) {
        for (ptrdiff_t t = 0; t < p->steps; t++) {
            EACH_ROW(p) {
                const REAL *restrict old = (t ? u + (t - 1) * stride : first) + i, *restrict x = current + t * stride + i;
                REAL *restrict new = u + t * stride + i;
                for (ptrdiff_t j = 0; j < m; j++)
                    new[j] = alpha[j] * old[j] + (1 - alpha[j]) * x[j];
            }
        }
    }
}

/* mu[t] = du[t] + alpha mu[t+1];  dL/dcurrent[t] = (1 - alpha) mu[t].  Here mu (1 - alpha) is summed up. */
VECTOR_CLONES static void NAME(leak_backward)(const lif_layer *p, const REAL *du, REAL *dcurrent) {
    const REAL *alpha = p->alpha;
    EACH_BLOCK(p) {
        for (ptrdiff_t t = p->steps - 1; t >= 0; t--) {
            const int last = t == p->steps - 1;
            EACH_ROW(p) {
                const REAL *restrict by = du + t * stride + i, *restrict next = dcurrent + (t + !last) * stride + i;
                REAL *restrict to = dcurrent + t * stride + i;
                if (last)
                    for (ptrdiff_t j = 0; j < m; j++)
                        to[j] = (1 - alpha[j]) * by[j];
                else
                    for (ptrdiff_t j = 0; j < m; j++)
                        to[j] = (1 - alpha[j]) * by[j] + alpha[j] * next[j];
            }
        }
    }
}

#undef EACH_BLOCK
#undef EACH_LINE
#undef EACH_ROW
