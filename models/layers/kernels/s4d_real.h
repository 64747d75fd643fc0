/* Included by s4d.h once for each REAL. */

#define LANES for (int l = 0; l < S4D_LANES; l++)

VECTOR_INLINE void NAME(s4d_load)(ptrdiff_t width, const REAL *restrict from, REAL *restrict row) {
    if (width == S4D_LANES)
        LANES row[l] = from[l];
    else
        LANES row[l] = l < width ? from[l] : 0;
}

VECTOR_INLINE void NAME(s4d_store)(ptrdiff_t width, const REAL *restrict row, REAL *restrict to) {
    if (width == S4D_LANES)
        LANES to[l] = row[l];
    else
        for (ptrdiff_t l = 0; l < width; l++)
            to[l] = row[l];
}

VECTOR_INLINE REAL NAME(s4d_clipped)(REAL x, REAL clip) {
    x = x > -clip ? x : -clip;
    return x < clip ? x : clip;
}

/* The state of one mode after a step, before it is clipped. */
VECTOR_INLINE void NAME(s4d_advance)(const REAL *restrict p, const REAL *restrict u, const REAL *restrict old,
                                     REAL *restrict re, REAL *restrict im) {
    LANES {
        REAL r = old[l], i = old[S4D_LANES + l];
        re[l] = (p[l] * r - p[S4D_LANES + l] * i) + p[INPUT_REAL * S4D_LANES + l] * u[l];
        im[l] = (p[l] * i + p[S4D_LANES + l] * r) + p[INPUT_IMAG * S4D_LANES + l] * u[l];
    }
}

/* Grids from the range of all modes of a head, for its real and its imaginary part. */
VECTOR_INLINE void NAME(s4d_ranges)(const s4d_block *p, const REAL *restrict x, REAL *restrict grid) {
    REAL low[2][S4D_LANES], high[2][S4D_LANES];
    for (int part = 0; part < 2; part++) {
        LANES low[part][l] = high[part][l] = x[part * S4D_LANES + l];
        for (ptrdiff_t n = 1; n < p->modes; n++)
            LANES {
                REAL value = x[(2 * n + part) * S4D_LANES + l];
                low[part][l] = value < low[part][l] ? value : low[part][l];
                high[part][l] = value > high[part][l] ? value : high[part][l];
            }
    }
    if (p->shared)
        LANES {
            low[0][l] = low[1][l] = low[0][l] < low[1][l] ? low[0][l] : low[1][l];
            high[0][l] = high[1][l] = high[0][l] > high[1][l] ? high[0][l] : high[1][l];
        }
    for (int part = 0; part < 2; part++) {
        REAL *to = grid + part * GRID_NUMBERS * S4D_LANES;
        LANES {
            REAL least = low[part][l], most = high[part][l], span, step, first;
            REAL size = -least > most ? -least : most > -most ? most : -most;
            if (p->least < 0) {
                span = size;
                first = (REAL)p->least;
            } else {
                least = p->widened && least > 0 ? 0 : least;
                most = p->widened && most < 0 ? 0 : most;
                span = most - least;
                first = 0;
            }
            step = span > 0 ? span / (REAL)p->levels : size > 0 ? size : 1;
            step = step > LEAST_STEP ? step : LEAST_STEP;
            if (p->least >= 0)
                first = -NAME(nearest)(-least / step);
            to[GRID_STEP * S4D_LANES + l] = step;
            to[GRID_PER_STEP * S4D_LANES + l] = 1 / step;
            to[GRID_LEAST * S4D_LANES + l] = first;
            to[GRID_MOST * S4D_LANES + l] = first + (p->least < 0 ? (REAL)(p->levels - p->least) : (REAL)p->levels);
        }
    }
}

VECTOR_INLINE void NAME(s4d_round)(const REAL *restrict grid, REAL *restrict x) {
    const REAL *im = grid + GRID_NUMBERS * S4D_LANES;
    LANES x[l] = NAME(quantized)(x[l], grid[l], grid[S4D_LANES + l], grid[2 * S4D_LANES + l], grid[3 * S4D_LANES + l]);
    x += S4D_LANES;
    LANES x[l] = NAME(quantized)(x[l], im[l], im[S4D_LANES + l], im[2 * S4D_LANES + l], im[3 * S4D_LANES + l]);
}

/* One step of all modes from `old` to `x`; returns whether a state left the bounds within which gradients pass. */
VECTOR_INLINE int NAME(s4d_step)(const s4d_block *p, int state, const REAL *restrict u, const REAL *old, REAL *x) {
    const REAL *restrict numbers = p->numbers, *restrict within = p->within, clip = (REAL)p->clip;
    REAL grid[2 * GRID_NUMBERS * S4D_LANES];
    int beyond[S4D_LANES] = {0}, any = 0;
    if (state == STATE_STATIC)
        memcpy(grid, p->grid, sizeof grid);
    for (ptrdiff_t n = 0; n < p->modes; n++) {
        REAL re[S4D_LANES], im[S4D_LANES], *restrict to = x + 2 * n * S4D_LANES;
        NAME(s4d_advance)(numbers + n * S4D_NUMBERS * S4D_LANES, u, old + 2 * n * S4D_LANES, re, im);
        LANES {
            beyond[l] |= (re[l] < within[l]) | (re[l] > within[S4D_LANES + l]) |
                         (im[l] < within[2 * S4D_LANES + l]) | (im[l] > within[3 * S4D_LANES + l]);
            to[l] = NAME(s4d_clipped)(re[l], clip);
            to[S4D_LANES + l] = NAME(s4d_clipped)(im[l], clip);
        }
        if (state == STATE_STATIC)
            NAME(s4d_round)(grid, to);
    }
    if (state == STATE_DYNAMIC) {
        NAME(s4d_ranges)(p, x, grid);
        for (ptrdiff_t n = 0; n < p->modes; n++)
            NAME(s4d_round)(grid, x + 2 * n * S4D_LANES);
    }
    LANES any |= beyond[l];
    return any;
}

VECTOR_INLINE void NAME(s4d_run)(const s4d_block *p, int state_kind, const REAL *u, REAL *state, REAL *kept, REAL *y) {
    const ptrdiff_t width = p->heads - p->head < S4D_LANES ? p->heads - p->head : S4D_LANES;
    const ptrdiff_t size = 2 * p->modes * S4D_LANES, segments = (p->steps + p->segment - 1) / p->segment;
    const REAL *restrict numbers = p->numbers, *restrict skip = p->skip;
    for (ptrdiff_t b = p->low; b < p->high; b++) {
        REAL *x = state + b * size;
        for (ptrdiff_t t = 0; t < p->steps; t++) {
            const ptrdiff_t at = (t * p->batch + b) * p->heads + p->head;
            REAL in[S4D_LANES], sum[S4D_LANES] = {0};
            if (kept && t % p->segment == 0)
                memcpy(kept + (b * segments + t / p->segment) * size, x, (size_t)size * sizeof(REAL));
            NAME(s4d_load)(width, u + at, in);
            NAME(s4d_step)(p, state_kind, in, x, x);
            for (ptrdiff_t n = 0; n < p->modes; n++) {
                const REAL *restrict c = numbers + (n * S4D_NUMBERS + OUTPUT_REAL) * S4D_LANES;
                const REAL *restrict now = x + 2 * n * S4D_LANES;
                LANES sum[l] += c[l] * now[l] - c[S4D_LANES + l] * now[S4D_LANES + l];
            }
            LANES sum[l] = 2 * sum[l] + skip[l] * in[l];
            NAME(s4d_store)(width, sum, y + at);
        }
    }
}

VECTOR_CLONES static void NAME(s4d_forward)(const s4d_block *p, const REAL *u, REAL *state, REAL *kept, REAL *y) {
    if (p->state == STATE_FREE)
        NAME(s4d_run)(p, STATE_FREE, u, state, kept, y);
    else if (p->state == STATE_STATIC)
        NAME(s4d_run)(p, STATE_STATIC, u, state, kept, y);
    else
        NAME(s4d_run)(p, STATE_DYNAMIC, u, state, kept, y);
}

/* mu = conj(pole) lambda + 2 conj(output) dy;  lambda = mu where the state was within bounds, cut to the limit
   by_pole += lambda conj(x_old);  by_input += lambda u;  by_output += 2 dy conj(x);  du = Re sum conj(input) lambda */
VECTOR_INLINE void NAME(s4d_adjoint)(const s4d_block *p, int masked, const REAL *restrict u, const REAL *restrict dy,
                                     const REAL *restrict old, const REAL *restrict x, REAL *restrict lambda,
                                     REAL *restrict by_numbers, REAL *restrict du) {
    const REAL *restrict numbers = p->numbers, *restrict within = p->within, limit = (REAL)p->limit;
    for (ptrdiff_t n = 0; n < p->modes; n++) {
        const REAL *restrict q = numbers + n * S4D_NUMBERS * S4D_LANES;
        REAL *restrict by = by_numbers + n * S4D_NUMBERS * S4D_LANES, *restrict lam = lambda + 2 * n * S4D_LANES;
        const REAL *restrict before = old + 2 * n * S4D_LANES, *restrict now = x + 2 * n * S4D_LANES;
        REAL re[S4D_LANES], im[S4D_LANES];
        if (masked)
            NAME(s4d_advance)(q, u, before, re, im);
        LANES {
            REAL twice = 2 * dy[l], r = lam[l], i = lam[S4D_LANES + l];
            REAL mr = (q[l] * r + q[S4D_LANES + l] * i) + q[OUTPUT_REAL * S4D_LANES + l] * twice;
            REAL mi = (q[l] * i - q[S4D_LANES + l] * r) - q[OUTPUT_IMAG * S4D_LANES + l] * twice;
            if (masked) {
                mr = (re[l] >= within[l]) & (re[l] <= within[S4D_LANES + l]) ? mr : 0;
                mi = (im[l] >= within[2 * S4D_LANES + l]) & (im[l] <= within[3 * S4D_LANES + l]) ? mi : 0;
            }
            mr = NAME(s4d_clipped)(mr, limit);
            mi = NAME(s4d_clipped)(mi, limit);
            lam[l] = mr;
            lam[S4D_LANES + l] = mi;
            by[l] += mr * before[l] + mi * before[S4D_LANES + l];
            by[S4D_LANES + l] += mi * before[l] - mr * before[S4D_LANES + l];
            by[INPUT_REAL * S4D_LANES + l] += mr * u[l];
            by[INPUT_IMAG * S4D_LANES + l] += mi * u[l];
            by[OUTPUT_REAL * S4D_LANES + l] += twice * now[l];
            by[OUTPUT_IMAG * S4D_LANES + l] -= twice * now[S4D_LANES + l];
            du[l] += q[INPUT_REAL * S4D_LANES + l] * mr + q[INPUT_IMAG * S4D_LANES + l] * mi;
        }
    }
}

VECTOR_INLINE void NAME(s4d_return)(const s4d_block *p, int state_kind, const REAL *u, const REAL *kept,
                                    const REAL *dy, REAL *by_numbers, REAL *by_skip, REAL *du, REAL *room) {
    const ptrdiff_t width = p->heads - p->head < S4D_LANES ? p->heads - p->head : S4D_LANES;
    const ptrdiff_t size = 2 * p->modes * S4D_LANES, segments = (p->steps + p->segment - 1) / p->segment;
    const ptrdiff_t all = p->modes * S4D_NUMBERS * S4D_LANES;
    const REAL *restrict skip = p->skip;
    REAL *lambda = room, *states = room + size; /* before the segment, and after each of its steps */
    for (ptrdiff_t b = p->low; b < p->high; b++) {
        REAL *by = by_numbers + b * all, *to_skip = by_skip + b * S4D_LANES;
        memset(lambda, 0, (size_t)size * sizeof(REAL));
        memset(by, 0, (size_t)all * sizeof(REAL));
        memset(to_skip, 0, S4D_LANES * sizeof(REAL));
        for (ptrdiff_t s = segments - 1; s >= 0; s--) {
            const ptrdiff_t from = s * p->segment, to = from + p->segment < p->steps ? from + p->segment : p->steps;
            REAL in[S4D_LANES], error[S4D_LANES], out[S4D_LANES];
            int beyond = 0;
            memcpy(states, kept + (b * segments + s) * size, (size_t)size * sizeof(REAL));
            for (ptrdiff_t t = from; t < to; t++) {
                REAL *x = states + (t - from) * size;
                NAME(s4d_load)(width, u + (t * p->batch + b) * p->heads + p->head, in);
                beyond |= NAME(s4d_step)(p, state_kind, in, x, x + size);
            }
            for (ptrdiff_t t = to - 1; t >= from; t--) {
                const ptrdiff_t at = (t * p->batch + b) * p->heads + p->head;
                const REAL *x = states + (t - from) * size;
                NAME(s4d_load)(width, u + at, in);
                NAME(s4d_load)(width, dy + at, error);
                LANES {
                    out[l] = skip[l] * error[l];
                    to_skip[l] += error[l] * in[l];
                }
                if (beyond)
                    NAME(s4d_adjoint)(p, 1, in, error, x, x + size, lambda, by, out);
                else
                    NAME(s4d_adjoint)(p, 0, in, error, x, x + size, lambda, by, out);
                NAME(s4d_store)(width, out, du + at);
            }
        }
    }
}

VECTOR_CLONES static void NAME(s4d_backward)(const s4d_block *p, const REAL *u, const REAL *kept, const REAL *dy,
                                             REAL *by_numbers, REAL *by_skip, REAL *du, REAL *room) {
    if (p->state == STATE_FREE)
        NAME(s4d_return)(p, STATE_FREE, u, kept, dy, by_numbers, by_skip, du, room);
    else if (p->state == STATE_STATIC)
        NAME(s4d_return)(p, STATE_STATIC, u, kept, dy, by_numbers, by_skip, du, room);
    else
        NAME(s4d_return)(p, STATE_DYNAMIC, u, kept, dy, by_numbers, by_skip, du, room);
}

#undef LANES
