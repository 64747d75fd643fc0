/* Included by products.h once for each REAL. */

#define LANES ((int)(VECTOR_BYTES / sizeof(REAL)))
#if defined(__GNUC__)
typedef REAL NAME(vec) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
#define VEC NAME(vec)
#define VEC_LOAD(vec, from) (vec) = *(const VEC *)(from)
#define VEC_STORE(to, vec) *(VEC *)(to) = (vec)
#define VEC_ADD_PRODUCT(sum, a, b) (sum) += (a) * (b)
#define VEC_LANE(vec, l) (vec)[l]
#else
typedef struct {
    REAL lane[VECTOR_BYTES / sizeof(REAL)];
} NAME(vec);
#define VEC NAME(vec)
#define VEC_EACH(what)                                                                                                 \
    for (int e = 0; e < LANES; e++)                                                                                    \
    what
#define VEC_LOAD(vec, from) memcpy(&(vec), (from), sizeof(VEC))
#define VEC_STORE(to, vec) memcpy((to), &(vec), sizeof(VEC))
#define VEC_ADD_PRODUCT(sum, a, b) VEC_EACH((sum).lane[e] += (a).lane[e] * (b))
#define VEC_LANE(vec, l) (vec).lane[l]
#endif

/* A tile of c += alpha p q: ni rows and nv vectors of columns, kept in registers over all k; the first `skip` columns
   are left alone. */
VECTOR_INLINE void NAME(tile)(int ni, int nv, ptrdiff_t depth, REAL alpha, const REAL *restrict p, ptrdiff_t pi,
                              ptrdiff_t pk, const REAL *restrict q, ptrdiff_t cols, REAL *restrict c, int skip) {
    VEC sum[TILE_ROWS][TILE_VECTORS], row[TILE_VECTORS];
    memset(sum, 0, sizeof sum);
    for (ptrdiff_t k = 0; k < depth; k++) {
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            VEC_LOAD(row[v], q + k * cols + v * LANES);
#pragma GCC unroll 4
        for (int i = 0; i < ni; i++) {
            REAL by = p[i * pi + k * pk];
#pragma GCC unroll 4
            for (int v = 0; v < nv; v++)
                VEC_ADD_PRODUCT(sum[i][v], row[v], by);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < ni; i++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++) {
            REAL *to = c + i * cols + v * LANES;
            if (skip == 0) {
                VEC_LOAD(row[0], to);
                VEC_ADD_PRODUCT(row[0], sum[i][v], alpha);
                VEC_STORE(to, row[0]);
            } else {
                REAL lane[VECTOR_BYTES / sizeof(REAL)];
                VEC_STORE(lane, sum[i][v]);
                for (int l = 0; l < LANES; l++)
                    if (v * LANES + l >= skip)
                        to[l] += lane[l] * alpha;
            }
        }
}

/* Some columns from f on of up to TILE_ROWS rows; returns the column after them. The last tile is moved back so that
   it ends with the last column, and skips what was done. */
VECTOR_INLINE ptrdiff_t NAME(tiles)(int ni, ptrdiff_t f, ptrdiff_t cols, ptrdiff_t depth, REAL alpha, const REAL *p,
                                    ptrdiff_t pi, ptrdiff_t pk, const REAL *q, REAL *c) {
    ptrdiff_t left = cols - f;
    ptrdiff_t nv = left > 2 * LANES ? 3 : left > LANES ? 2 : 1;
    if (cols < LANES) {
        for (ptrdiff_t i = 0; i < ni; i++)
            for (ptrdiff_t g = 0; g < cols; g++) {
                REAL sum = 0;
                for (ptrdiff_t k = 0; k < depth; k++)
                    sum += p[i * pi + k * pk] * q[k * cols + g];
                c[i * cols + g] += sum * alpha;
            }
        return cols;
    }
    nv = nv * LANES > cols ? cols / LANES : nv;
    ptrdiff_t from = f < cols - nv * LANES ? f : cols - nv * LANES;
    int skip = (int)(f - from);
    q += from;
    c += from;
#define TILES(rows)                                                                                                    \
    if (ni == rows) {                                                                                                  \
        if (nv == 3)                                                                                                   \
            NAME(tile)(rows, 3, depth, alpha, p, pi, pk, q, cols, c, skip);                                            \
        else if (nv == 2)                                                                                              \
            NAME(tile)(rows, 2, depth, alpha, p, pi, pk, q, cols, c, skip);                                            \
        else                                                                                                           \
            NAME(tile)(rows, 1, depth, alpha, p, pi, pk, q, cols, c, skip);                                            \
    }
    TILES(4)
    TILES(2)
    TILES(1)
#undef TILES
    return from + nv * LANES;
}

VECTOR_CLONES static void NAME(multiply)(ptrdiff_t n, ptrdiff_t cols, ptrdiff_t depth, REAL alpha, const REAL *p,
                                         ptrdiff_t pi, ptrdiff_t pk, const REAL *q, REAL *c) {
    /* With a long sum, columns of q stay in the cache while all rows pass; else each row of c is visited once. */
    int columns_first = depth > n;
    ptrdiff_t i = 0, f = 0;
    while (i < n && f < cols) {
        int ni = n - i >= 4 ? 4 : n - i >= 2 ? 2 : 1;
        ptrdiff_t next = NAME(tiles)(ni, f, cols, depth, alpha, p + i * pi, pi, pk, q, c + i * cols);
        if (columns_first) {
            i += ni;
            if (i == n)
                i = 0, f = next;
        } else {
            f = next;
            if (f == cols)
                f = 0, i += ni;
        }
    }
}

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

#undef LANES
#undef VEC
#undef VEC_LOAD
#undef VEC_STORE
#undef VEC_EACH
#undef VEC_ADD_PRODUCT
#undef VEC_LANE
