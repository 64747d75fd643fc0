/* Included by delay_conv.h once for each REAL. */

/* Copy `width` channels of a sample, x[t stride + c], to rows of times that lie `pitch` apart, and back. */
VECTOR_INLINE void NAME(to_rows)(ptrdiff_t steps, ptrdiff_t stride, ptrdiff_t width, const REAL *restrict x,
                                 ptrdiff_t pitch, REAL *restrict rows) {
    if (width == DELAY_CHANNELS) {
        for (ptrdiff_t t = 0; t < steps; t++)
            for (ptrdiff_t c = 0; c < DELAY_CHANNELS; c++)
                rows[c * pitch + t] = x[t * stride + c];
        return;
    }
    for (ptrdiff_t t = 0; t < steps; t++)
        for (ptrdiff_t c = 0; c < width; c++)
            rows[c * pitch + t] = x[t * stride + c];
}

VECTOR_INLINE void NAME(from_rows)(ptrdiff_t steps, ptrdiff_t stride, ptrdiff_t width, const REAL *restrict rows,
                                   ptrdiff_t pitch, REAL *restrict x) {
    if (width == DELAY_CHANNELS) {
        for (ptrdiff_t t = 0; t < steps; t++)
            for (ptrdiff_t c = 0; c < DELAY_CHANNELS; c++)
                x[t * stride + c] = rows[c * pitch + t];
        return;
    }
    for (ptrdiff_t t = 0; t < steps; t++)
        for (ptrdiff_t c = 0; c < width; c++)
            x[t * stride + c] = rows[c * pitch + t];
}

/* out[t] = sum over taps of value from[t + sign delay], in the order of the taps; four taps for each pass over t. */
VECTOR_INLINE void NAME(add_taps)(ptrdiff_t steps, int sign, ptrdiff_t taps, const int32_t *delay,
                                  const REAL *value, const REAL *restrict from, REAL *restrict out) {
    ptrdiff_t k = 0;
    memset(out, 0, (size_t)steps * sizeof(REAL));
    for (; k + 4 <= taps; k += 4) {
        const REAL *a = from + sign * delay[k], *b = from + sign * delay[k + 1];
        const REAL *c = from + sign * delay[k + 2], *d = from + sign * delay[k + 3];
        REAL va = value[k], vb = value[k + 1], vc = value[k + 2], vd = value[k + 3];
        VECTOR_LOOP
        for (ptrdiff_t t = 0; t < steps; t++)
            out[t] = (((out[t] + va * a[t]) + vb * b[t]) + vc * c[t]) + vd * d[t];
    }
    for (; k < taps; k++) {
        const REAL *a = from + sign * delay[k];
        REAL va = value[k];
        VECTOR_LOOP
        for (ptrdiff_t t = 0; t < steps; t++)
            out[t] += va * a[t];
    }
}

/* sum_t dy[t] x[t - delay], in DELAY_CHANNELS lanes. */
VECTOR_INLINE REAL NAME(correlate)(ptrdiff_t steps, const REAL *restrict dy, const REAL *restrict x) {
    REAL lane[DELAY_CHANNELS] = {0}, sum = 0;
    ptrdiff_t t = 0;
    for (; t + DELAY_CHANNELS <= steps; t += DELAY_CHANNELS)
        for (int l = 0; l < DELAY_CHANNELS; l++)
            lane[l] += dy[t + l] * x[t + l];
    for (int half = DELAY_CHANNELS / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    for (; t < steps; t++)
        sum += dy[t] * x[t];
    return lane[0] + sum;
}

VECTOR_CLONES static void NAME(delay_conv_forward)(const delay_conv_layer *p, const REAL *x, REAL *y, REAL *room) {
    const ptrdiff_t pitch = p->window + p->steps, stride = p->batch * p->n;
    REAL *past = room, *out = room + DELAY_CHANNELS * pitch;
    memset(past, 0, (size_t)(DELAY_CHANNELS * pitch) * sizeof(REAL));
    for (ptrdiff_t b = p->low; b < p->high; b++)
        for (ptrdiff_t c = 0; c < p->n; c += DELAY_CHANNELS) {
            const ptrdiff_t width = p->n - c < DELAY_CHANNELS ? p->n - c : DELAY_CHANNELS;
            NAME(to_rows)(p->steps, stride, width, x + b * p->n + c, pitch, past + p->window);
            for (ptrdiff_t i = 0; i < width; i++)
                NAME(add_taps)(p->steps, -1, p->count[c + i], p->delay + (c + i) * p->most,
                               (const REAL *)p->value + (c + i) * p->most, past + i * pitch + p->window,
                               out + i * pitch);
            NAME(from_rows)(p->steps, stride, width, out, pitch, y + b * p->n + c);
        }
}

VECTOR_CLONES static void NAME(delay_conv_backward)(const delay_conv_layer *p, const REAL *x, const REAL *dy,
                                                    REAL *dx, REAL *by_value, REAL *room) {
    const ptrdiff_t pitch = p->window + p->steps, stride = p->batch * p->n;
    REAL *past = room, *error = past + DELAY_CHANNELS * pitch, *out = error + DELAY_CHANNELS * pitch;
    memset(room, 0, (size_t)(2 * DELAY_CHANNELS * pitch) * sizeof(REAL));
    for (ptrdiff_t b = p->low; b < p->high; b++)
        for (ptrdiff_t c = 0; c < p->n; c += DELAY_CHANNELS) {
            const ptrdiff_t width = p->n - c < DELAY_CHANNELS ? p->n - c : DELAY_CHANNELS;
            NAME(to_rows)(p->steps, stride, width, x + b * p->n + c, pitch, past + p->window);
            NAME(to_rows)(p->steps, stride, width, dy + b * p->n + c, pitch, error);
            for (ptrdiff_t i = 0; i < width; i++) {
                const int32_t *delay = p->delay + (c + i) * p->most;
                const REAL *ends = past + i * pitch + p->window;
                REAL *to = by_value + (b * p->n + c + i) * p->most;
                for (ptrdiff_t k = 0; k < p->count[c + i]; k++)
                    to[k] = NAME(correlate)(p->steps, error + i * pitch, ends - delay[k]);
                if (dx)
                    NAME(add_taps)(p->steps, 1, p->count[c + i], delay, (const REAL *)p->value + (c + i) * p->most,
                                   error + i * pitch, out + i * pitch);
            }
            if (dx)
                NAME(from_rows)(p->steps, stride, width, out, pitch, dx + b * p->n + c);
        }
}
