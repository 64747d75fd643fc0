/* Included by products.h once for each REAL and width of vectors. */

#define LANES ((int)(VECTOR_BYTES / sizeof(REAL)))
#define PANEL (TILE_VECTORS * LANES)
#define GROUP_ROWS ((ptrdiff_t)(GROUP_BYTES / sizeof(REAL) / BLOCK_DEPTH)) /* a multiple of TILE_ROWS */
#if defined(__GNUC__)
typedef REAL NAME(vec) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
#define VEC NAME(vec)
#define VEC_LOAD(vec, from) (vec) = *(const VEC *)(from)
#define VEC_STORE(to, vec) *(VEC *)(to) = (vec)
#define VEC_ADD_PRODUCT(sum, a, b) (sum) += (a) * (b)
#else
typedef struct {
    REAL lane[VECTOR_BYTES / sizeof(REAL)];
} NAME(vec);
#define VEC NAME(vec)
#define VEC_LOAD(vec, from) memcpy(&(vec), (from), sizeof(VEC))
#define VEC_STORE(to, vec) memcpy((to), &(vec), sizeof(VEC))
#define VEC_EACH(what)                                                                                                 \
    for (int e = 0; e < LANES; e++)                                                                                    \
    what
#define VEC_ADD_PRODUCT(sum, a, b) VEC_EACH((sum).lane[e] += (a).lane[e] * (b))
#endif

/* sum (TILE_ROWS, PANEL) = p q for ni rows and nv vectors of columns, kept in registers over all k. Here p is
   p[i pi + k pk], and row k of q begins at k qk. */
VECTOR_INLINE void NAME(sums)(int ni, int nv, ptrdiff_t depth, const REAL *restrict p, ptrdiff_t pi, ptrdiff_t pk,
                              const REAL *restrict q, ptrdiff_t qk, REAL *restrict out) {
    VEC sum[TILE_ROWS][TILE_VECTORS], row[TILE_VECTORS];
#pragma GCC unroll 8
    for (int i = 0; i < ni; i++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            sum[i][v] = (VEC){0};
    for (ptrdiff_t k = 0; k < depth; k++) {
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            VEC_LOAD(row[v], q + k * qk + v * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < ni; i++) {
            REAL by = p[i * pi + k * pk];
#pragma GCC unroll 4
            for (int v = 0; v < nv; v++)
                VEC_ADD_PRODUCT(sum[i][v], row[v], by);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < ni; i++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            VEC_STORE(out + i * PANEL + v * LANES, sum[i][v]);
}

/* Each size is a function of its own: within a larger one a compiler runs out of registers. */
#define TILE(ni, nv)                                                                                                   \
    PRODUCTS_CLONES static void NAME(sums_##ni##_##nv)(ptrdiff_t depth, const REAL *p, ptrdiff_t pi, ptrdiff_t pk,       \
                                                     const REAL *q, ptrdiff_t qk, REAL *out) {                         \
        NAME(sums)(ni, nv, depth, p, pi, pk, q, qk, out);                                                              \
    }
#define TILES(ni) TILE(ni, 1) TILE(ni, 2) TILE(ni, 3)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
#if TILE_ROWS == 8
TILES(5)
TILES(6)
TILES(7)
TILES(8)
#endif
#undef TILES
#undef TILE

/* c += alpha p q for a tile, of which columns from `skip` up to `width` are changed. */
VECTOR_INLINE void NAME(tile)(ptrdiff_t ni, ptrdiff_t nv, ptrdiff_t depth, REAL alpha, const REAL *p, ptrdiff_t pi,
                              ptrdiff_t pk, const REAL *q, ptrdiff_t qk, REAL *restrict c, ptrdiff_t cols,
                              ptrdiff_t skip, ptrdiff_t width) {
#define SIZES(ni) NAME(sums_##ni##_1), NAME(sums_##ni##_2), NAME(sums_##ni##_3)
    static void (*const sums[])(ptrdiff_t, const REAL *, ptrdiff_t, ptrdiff_t, const REAL *, ptrdiff_t, REAL *) = {
        SIZES(1), SIZES(2), SIZES(3), SIZES(4),
#if TILE_ROWS == 8
        SIZES(5), SIZES(6), SIZES(7), SIZES(8),
#endif
    };
#undef SIZES
    REAL sum[TILE_ROWS * TILE_VECTORS * VECTOR_BYTES / sizeof(REAL)];
    sums[(ni - 1) * TILE_VECTORS + nv - 1](depth, p, pi, pk, q, qk, sum);
    for (ptrdiff_t i = 0; i < ni; i++) {
        ptrdiff_t l = skip;
        for (; l + LANES <= width; l += LANES) {
            VEC to, by;
            VEC_LOAD(by, sum + i * PANEL + l);
            VEC_LOAD(to, c + i * cols + l);
            VEC_ADD_PRODUCT(to, by, alpha);
            VEC_STORE(c + i * cols + l, to);
        }
        for (; l < width; l++)
            c[i * cols + l] += sum[i * PANEL + l] * alpha;
    }
}

#ifdef INTERLEAVE
/* Write LANES rows of q, from (LANES) values each, as columns. */
VECTOR_INLINE void NAME(transpose)(const REAL *restrict q, ptrdiff_t qj, REAL *restrict to) {
    VEC a[VECTOR_BYTES / sizeof(REAL)], b[VECTOR_BYTES / sizeof(REAL)];
#pragma GCC unroll 8
    for (int j = 0; j < LANES; j++)
        VEC_LOAD(a[j], q + j * qj);
#pragma GCC unroll 3
    for (int stage = 1; stage < LANES; stage *= 2) {
#pragma GCC unroll 4
        for (int j = 0; j < LANES / 2; j++) {
            b[2 * j] = INTERLEAVE(LOW, a[j], a[j + LANES / 2]);
            b[2 * j + 1] = INTERLEAVE(HIGH, a[j], a[j + LANES / 2]);
        }
#pragma GCC unroll 8
        for (int j = 0; j < LANES; j++)
            a[j] = b[j];
    }
#pragma GCC unroll 8
    for (int k = 0; k < LANES; k++)
        VEC_STORE(to + k * PANEL, a[k]);
}
#endif

/* Copy `width` columns of q, q[k qk + j qj], into a panel (depth, PANEL), and zeros up to whole vectors. */
VECTOR_INLINE void NAME(pack)(ptrdiff_t depth, ptrdiff_t width, const REAL *restrict q, ptrdiff_t qk, ptrdiff_t qj,
                              REAL *restrict to) {
    ptrdiff_t j = 0;
    if (qj == 1 && width >= PANEL) {
        for (ptrdiff_t k = 0; k < depth; k++)
            memcpy(to + k * PANEL, q + k * qk, PANEL * sizeof(REAL));
        return;
    }
#ifdef INTERLEAVE
    for (; qk == 1 && j + LANES <= width && j < PANEL; j += LANES) {
        ptrdiff_t k = 0;
        for (; k + LANES <= depth; k += LANES)
            NAME(transpose)(q + k + j * qj, qj, to + k * PANEL + j);
        for (; k < depth; k++)
            for (ptrdiff_t l = j; l < j + LANES; l++)
                to[k * PANEL + l] = q[k + l * qj];
    }
#endif
    for (; j < PANEL && (j < width || j % LANES); j++)
        for (ptrdiff_t k = 0; k < depth; k++)
            to[k * PANEL + j] = j < width ? q[k * qk + j * qj] : (REAL)0;
}

/* c += alpha p q, q (depth, cols) read as q[k qk + j qj]. The sum over k is cut into equal blocks. In each, columns of q
   are copied so that they lie side by side in the nearest caches, and rows of p if their values lie far apart. For few
   rows that would cost more than it brings. */
PRODUCTS_CLONES static void NAME(multiply)(ptrdiff_t n, ptrdiff_t cols, ptrdiff_t depth, REAL alpha, const REAL *p,
                                         ptrdiff_t pi, ptrdiff_t pk, const REAL *q, ptrdiff_t qk, ptrdiff_t qj,
                                         REAL *c) {
    REAL panels[PANEL_BYTES / sizeof(REAL)], rows[GROUP_BYTES / sizeof(REAL)];
    ptrdiff_t deepest = depth > 0 ? (depth - 1) / ((depth + BLOCK_DEPTH - 1) / BLOCK_DEPTH) + 1 : 1;
    if (qj == 1 && cols >= LANES && n < PACKED_ROWS) {
        /* Columns of q stay in the cache while all rows pass. The last tile is moved back so that it ends with the last
           column, and skips what was done. */
        for (ptrdiff_t j = 0, nv, from; j < cols; j = from + nv * LANES) {
            nv = cols - j > 2 * LANES ? 3 : cols - j > LANES ? 2 : 1;
            nv = nv * LANES > cols ? cols / LANES : nv;
            from = j < cols - nv * LANES ? j : cols - nv * LANES;
            for (ptrdiff_t i = 0; i < n; i += TILE_ROWS)
                NAME(tile)(n - i < TILE_ROWS ? n - i : TILE_ROWS, nv, depth, alpha, p + i * pi, pi, pk, q + from, qk,
                           c + i * cols + from, cols, j - from, nv * LANES);
        }
        return;
    }
    ptrdiff_t block = (ptrdiff_t)(PANEL_BYTES / sizeof(REAL)) / PANEL / deepest * PANEL; /* columns */
    for (ptrdiff_t first = 0; first < depth; first += deepest) {
        ptrdiff_t deep = depth - first < deepest ? depth - first : deepest;
        for (ptrdiff_t from = 0, to; from < cols; from = to) {
            to = cols - from < block ? cols : from + block;
            for (ptrdiff_t j = from; j < to; j += PANEL)
                NAME(pack)(deep, to - j, q + first * qk + j * qj, qk, qj, panels + (j - from) * deep);
            for (ptrdiff_t i = 0; i < n; i += TILE_ROWS) {
                const REAL *some = p + i * pi + first * pk;
                ptrdiff_t ni = n - i < TILE_ROWS ? n - i : TILE_ROWS, si = pi, sk = pk;
                if (pk != 1 && to - from > PANEL && deep > SHORT_DEPTH) {
                    ptrdiff_t at = i % GROUP_ROWS, left = n - i < GROUP_ROWS ? n - i : GROUP_ROWS;
                    for (ptrdiff_t k = 0; at == 0 && k < deep; k++)
                        for (ptrdiff_t r = 0; r < left; r++)
                            rows[k * GROUP_ROWS + r] = some[r * pi + k * pk];
                    some = rows + at, si = 1, sk = GROUP_ROWS;
                }
                for (ptrdiff_t j = from; j < to; j += PANEL)
                    NAME(tile)(ni, to - j > 2 * LANES ? 3 : to - j > LANES ? 2 : 1, deep, alpha, some, si, sk, panels + (j - from) * deep, PANEL,
                                c + i * cols + j, cols, 0, to - j < PANEL ? to - j : PANEL);
            }
        }
    }
}

#if VECTOR_BYTES == NARROW_BYTES /* their sums depend on the number of lanes */
/* Scalar products of ni rows of a with nj rows of m. */
VECTOR_INLINE void NAME(dot_tile)(int ni, int nj, ptrdiff_t rows, ptrdiff_t cols, const REAL *restrict a,
                                  const REAL *restrict m, REAL *restrict c) {
    VEC sum[TILE_ROWS][2], other[2], row;
    memset(sum, 0, sizeof sum);
    ptrdiff_t k = 0;
    for (; k + LANES <= cols; k += LANES) {
#pragma GCC unroll 4
        for (int j = 0; j < nj; j++)
            VEC_LOAD(other[j], m + j * cols + k);
#pragma GCC unroll 4
        for (int i = 0; i < ni; i++) {
            VEC_LOAD(row, a + i * cols + k);
#pragma GCC unroll 4
            for (int j = 0; j < nj; j++)
#if defined(__GNUC__)
                VEC_ADD_PRODUCT(sum[i][j], row, other[j]);
#else
                VEC_EACH(sum[i][j].lane[e] += row.lane[e] * other[j].lane[e]);
#endif
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < ni; i++)
#pragma GCC unroll 4
        for (int j = 0; j < nj; j++) {
            REAL lane[VECTOR_BYTES / sizeof(REAL)], total;
            VEC_STORE(lane, sum[i][j]);
            for (int half = LANES / 2; half > 0; half /= 2)
                for (int l = 0; l < half; l++)
                    lane[l] += lane[l + half];
            total = lane[0];
            for (ptrdiff_t rest = k; rest < cols; rest++)
                total += a[i * cols + rest] * m[j * cols + rest];
            c[i * rows + j] += total;
        }
}

VECTOR_CLONES static void NAME(dots)(ptrdiff_t n, ptrdiff_t rows, ptrdiff_t cols, const REAL *a, const REAL *m,
                                     REAL *c) {
    for (ptrdiff_t i = 0, ni; i < n; i += ni) {
        ni = n - i >= 4 ? 4 : n - i >= 2 ? 2 : 1;
        const REAL *from = a + i * cols;
        REAL *to = c + i * rows;
        ptrdiff_t j = 0;
#define DOTS(count)                                                                                                    \
    if (ni == count) {                                                                                                 \
        for (; j + 2 <= rows; j += 2)                                                                                  \
            NAME(dot_tile)(count, 2, rows, cols, from, m + j * cols, to + j);                                          \
        if (j < rows)                                                                                                  \
            NAME(dot_tile)(count, 1, rows, cols, from, m + j * cols, to + j);                                          \
    }
        DOTS(4)
        DOTS(2)
        DOTS(1)
#undef DOTS
    }
}
#endif

#undef LANES
#undef PANEL
#undef GROUP_ROWS
#undef VEC
#undef VEC_LOAD
#undef VEC_STORE
#undef VEC_EACH
#undef VEC_ADD_PRODUCT
