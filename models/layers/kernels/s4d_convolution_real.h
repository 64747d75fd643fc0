/* Included by s4d_convolution.h once for each REAL. Points are rows of real, then of imaginary parts. */

#define LANES for (int l = 0; l < FFT_LANES; l++)
#define ROW (2 * FFT_LANES)

/* Two stages at once on the points j, j + m, j + 2m, j + 3m of every group of 4m. */
VECTOR_INLINE void NAME(fft_four)(REAL *restrict a, REAL *restrict b, REAL *restrict c, REAL *restrict d,
                                  const REAL *w1, const REAL *w2, const REAL *w3) {
    const REAL r1 = w1[0], i1 = w1[1], r2 = w2[0], i2 = w2[1], r3 = w3[0], i3 = w3[1];
    LANES {
        REAL ar = a[l], ai = a[FFT_LANES + l], br = b[l], bi = b[FFT_LANES + l];
        REAL cr = c[l], ci = c[FFT_LANES + l], dr = d[l], di = d[FFT_LANES + l];
        REAL sr = ar + cr, si = ai + ci, tr = ar - cr, ti = ai - ci;
        REAL ur = br + dr, ui = bi + di, vr = bi - di, vi = dr - br; /* v = -i (b - d) */
        REAL pr = sr - ur, pi = si - ui, qr = tr + vr, qi = ti + vi, zr = tr - vr, zi = ti - vi;
        a[l] = sr + ur;
        a[FFT_LANES + l] = si + ui;
        b[l] = pr * r2 - pi * i2;
        b[FFT_LANES + l] = pr * i2 + pi * r2;
        c[l] = qr * r1 - qi * i1;
        c[FFT_LANES + l] = qr * i1 + qi * r1;
        d[l] = zr * r3 - zi * i3;
        d[FFT_LANES + l] = zr * i3 + zi * r3;
    }
}

/* The inverse of `fft_four`, times 4. */
VECTOR_INLINE void NAME(fft_four_back)(REAL *restrict a, REAL *restrict b, REAL *restrict c, REAL *restrict d,
                                       const REAL *w1, const REAL *w2, const REAL *w3) {
    const REAL r1 = w1[0], i1 = w1[1], r2 = w2[0], i2 = w2[1], r3 = w3[0], i3 = w3[1];
    LANES {
        REAL ar = a[l], ai = a[FFT_LANES + l];
        REAL br = b[l] * r2 + b[FFT_LANES + l] * i2, bi = b[FFT_LANES + l] * r2 - b[l] * i2;
        REAL cr = c[l] * r1 + c[FFT_LANES + l] * i1, ci = c[FFT_LANES + l] * r1 - c[l] * i1;
        REAL dr = d[l] * r3 + d[FFT_LANES + l] * i3, di = d[FFT_LANES + l] * r3 - d[l] * i3;
        REAL sr = ar + br, si = ai + bi, tr = ar - br, ti = ai - bi;
        REAL ur = cr + dr, ui = ci + di, vr = di - ci, vi = cr - dr; /* v = i (c - d) */
        a[l] = sr + ur;
        a[FFT_LANES + l] = si + ui;
        c[l] = sr - ur;
        c[FFT_LANES + l] = si - ui;
        b[l] = tr + vr;
        b[FFT_LANES + l] = ti + vi;
        d[l] = tr - vr;
        d[FFT_LANES + l] = ti - vi;
    }
}

/* Sum and difference, without a turn: the last stage where their number is even. */
VECTOR_INLINE void NAME(fft_pairs)(ptrdiff_t size, REAL *x) {
    for (ptrdiff_t j = 0; j < size; j += 2) {
        REAL *restrict a = x + j * ROW, *restrict b = a + ROW;
        for (int l = 0; l < ROW; l++) {
            REAL p = a[l], q = b[l];
            a[l] = p + q;
            b[l] = p - q;
        }
    }
}

/* Transform `size` points of which the upper half is 0 and not yet written. */
VECTOR_CLONES static void NAME(fft)(const s4d_transform *p, REAL *x) {
    const REAL *turns = p->turns;
    const ptrdiff_t half = p->size / 2;
    ptrdiff_t m = half / 4;
    for (ptrdiff_t j = 0; j < half; j++) {
        REAL *restrict a = x + j * ROW, *restrict b = a + half * ROW;
        const REAL r = turns[2 * j], i = turns[2 * j + 1];
        LANES {
            b[l] = a[l] * r - a[FFT_LANES + l] * i;
            b[FFT_LANES + l] = a[l] * i + a[FFT_LANES + l] * r;
        }
    }
    for (; m >= 1; m /= 4) {
        const ptrdiff_t each = p->size / (4 * m); /* of `turns` for a turn by 1 / 4m */
        for (ptrdiff_t from = 0; from < p->size; from += 4 * m)
            for (ptrdiff_t j = 0; j < m; j++) {
                REAL *a = x + (from + j) * ROW;
                NAME(fft_four)(a, a + m * ROW, a + 2 * m * ROW, a + 3 * m * ROW, turns + 2 * j * each,
                               turns + 4 * j * each, turns + 6 * j * each);
            }
        if (m == 2) {
            NAME(fft_pairs)(p->size, x);
            break;
        }
    }
    if (half == 2)
        NAME(fft_pairs)(p->size, x);
}

/* The inverse, times `size`, of which the lower half is computed. */
VECTOR_CLONES static void NAME(fft_back)(const s4d_transform *p, REAL *x) {
    const REAL *turns = p->turns;
    const ptrdiff_t half = p->size / 2;
    ptrdiff_t m = 1, rest = half;
    while (rest > 2)
        rest /= 4;
    if (rest == 2) {
        NAME(fft_pairs)(p->size, x);
        m = 2;
    }
    for (; m < half; m *= 4) {
        const ptrdiff_t each = p->size / (4 * m);
        for (ptrdiff_t from = 0; from < p->size; from += 4 * m)
            for (ptrdiff_t j = 0; j < m; j++) {
                REAL *a = x + (from + j) * ROW;
                NAME(fft_four_back)(a, a + m * ROW, a + 2 * m * ROW, a + 3 * m * ROW, turns + 2 * j * each,
                                    turns + 4 * j * each, turns + 6 * j * each);
            }
    }
    for (ptrdiff_t j = 0; j < half; j++) {
        REAL *restrict a = x + j * ROW;
        const REAL *restrict b = a + half * ROW;
        const REAL r = turns[2 * j], i = turns[2 * j + 1];
        LANES {
            a[l] += b[l] * r + b[FFT_LANES + l] * i;
            a[FFT_LANES + l] += b[FFT_LANES + l] * r - b[l] * i;
        }
    }
}

/* Two samples of a block as real and imaginary part, and zeros up to half the size. */
VECTOR_INLINE void NAME(fft_load)(const s4d_transform *p, const REAL *from, ptrdiff_t b, REAL *x) {
    const ptrdiff_t width = p->heads - p->head < FFT_LANES ? p->heads - p->head : FFT_LANES;
    const int two = b + 1 < p->batch;
    for (ptrdiff_t t = 0; t < p->steps; t++) {
        const REAL *restrict row = from + (t * p->batch + b) * p->heads + p->head;
        REAL *restrict to = x + t * ROW;
        if (width == FFT_LANES && two)
            LANES to[l] = row[l], to[FFT_LANES + l] = row[p->heads + l];
        else
            LANES {
                to[l] = l < width ? row[l] : 0;
                to[FFT_LANES + l] = l < width && two ? row[p->heads + l] : 0;
            }
    }
    memset(x + p->steps * ROW, 0, (size_t)((p->size / 2 - p->steps) * ROW) * sizeof(REAL));
}

/* to = x times a factor + skip times from, of two samples. */
VECTOR_INLINE void NAME(fft_store)(const s4d_transform *p, const REAL *x, REAL factor, const REAL *restrict skip,
                                   const REAL *from, ptrdiff_t b, REAL *to) {
    const ptrdiff_t width = p->heads - p->head < FFT_LANES ? p->heads - p->head : FFT_LANES;
    const int both = b + 1 < p->batch ? 2 : 1;
    for (ptrdiff_t t = 0; t < p->steps; t++)
        for (int k = 0; k < both; k++) {
            const ptrdiff_t at = (t * p->batch + b + k) * p->heads + p->head;
            const REAL *restrict row = from + at, *restrict part = x + t * ROW + k * FFT_LANES;
            REAL *restrict into = to + at;
            if (width == FFT_LANES)
                LANES into[l] = factor * part[l] + skip[l] * row[l];
            else
                for (ptrdiff_t l = 0; l < width; l++)
                    into[l] = factor * part[l] + skip[l] * row[l];
        }
}

/* The transform of the kernel. */
VECTOR_INLINE void NAME(fft_kernel)(const s4d_transform *p, const REAL *restrict kernel, REAL *restrict x) {
    memset(x, 0, (size_t)(p->size / 2 * ROW) * sizeof(REAL));
    for (ptrdiff_t t = 0; t < p->steps; t++)
        LANES x[t * ROW + l] = kernel[t * FFT_LANES + l];
    NAME(fft)(p, x);
}

VECTOR_CLONES static void NAME(s4d_convolve)(const s4d_transform *p, const REAL *u, const REAL *kernel,
                                             const REAL *skip, REAL *y, REAL *room) {
    REAL *restrict by = room, *restrict x = room + p->size * ROW;
    NAME(fft_kernel)(p, kernel, by);
    for (ptrdiff_t b = 0; b < p->batch; b += 2) {
        NAME(fft_load)(p, u, b, x);
        NAME(fft)(p, x);
        for (ptrdiff_t k = 0; k < p->size * ROW; k += ROW)
            LANES {
                REAL re = x[k + l], im = x[k + FFT_LANES + l];
                x[k + l] = re * by[k + l] - im * by[k + FFT_LANES + l];
                x[k + FFT_LANES + l] = re * by[k + FFT_LANES + l] + im * by[k + l];
            }
        NAME(fft_back)(p, x);
        NAME(fft_store)(p, x, 1 / (REAL)p->size, skip, u, b, y);
    }
}

VECTOR_CLONES static void NAME(s4d_convolve_back)(const s4d_transform *p, const REAL *u, const REAL *kernel,
                                                  const REAL *skip, const REAL *dy, REAL *du, REAL *by_kernel,
                                                  REAL *by_skip, REAL *room) {
    REAL *restrict by = room, *restrict sum = by + p->size * ROW, *restrict x = sum + p->size * ROW;
    REAL *restrict g = x + p->size * ROW;
    NAME(fft_kernel)(p, kernel, by);
    memset(sum, 0, (size_t)(p->size * ROW) * sizeof(REAL));
    LANES by_skip[l] = 0;
    for (ptrdiff_t b = 0; b < p->batch; b += 2) {
        NAME(fft_load)(p, u, b, x);
        NAME(fft_load)(p, dy, b, g);
        for (ptrdiff_t t = 0; t < p->steps * ROW; t += ROW)
            LANES by_skip[l] += x[t + l] * g[t + l] + x[t + FFT_LANES + l] * g[t + FFT_LANES + l];
        NAME(fft)(p, x);
        NAME(fft)(p, g);
        for (ptrdiff_t k = 0; k < p->size * ROW; k += ROW)
            LANES { /* sum += conj(x) g;  g *= conj(kernel) */
                REAL xr = x[k + l], xi = x[k + FFT_LANES + l], gr = g[k + l], gi = g[k + FFT_LANES + l];
                REAL kr = by[k + l], ki = by[k + FFT_LANES + l];
                sum[k + l] += xr * gr + xi * gi;
                sum[k + FFT_LANES + l] += xr * gi - xi * gr;
                g[k + l] = gr * kr + gi * ki;
                g[k + FFT_LANES + l] = gi * kr - gr * ki;
            }
        NAME(fft_back)(p, g);
        NAME(fft_store)(p, g, 1 / (REAL)p->size, skip, dy, b, du);
    }
    NAME(fft_back)(p, sum);
    for (ptrdiff_t t = 0; t < p->steps; t++)
        LANES by_kernel[t * FFT_LANES + l] = sum[t * ROW + l] / (REAL)p->size;
}

#undef LANES
#undef ROW
