/* Included by quantize.h once for each REAL. */

/* The value of the nearest code between `least` and `most`, codes being multiples of `step` = 1 / per_step. */
VECTOR_INLINE REAL NAME(quantized)(REAL x, REAL step, REAL per_step, REAL least, REAL most) {
    REAL code = x * per_step;
    code = code > least ? code : least; /* not a number becomes `least` */
    code = code < most ? code : most;
    return NAME(nearest)(code) * step;
}

/* Rows of n values, each with a grid of its own. */
VECTOR_CLONES static void NAME(quantize_rows)(ptrdiff_t rows, ptrdiff_t n, const REAL *restrict step,
                                              const REAL *restrict per_step, const REAL *restrict least,
                                              const REAL *restrict most, const REAL *restrict x, REAL *restrict y) {
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t i = 0; i < n; i++)
            y[r * n + i] = NAME(quantized)(x[r * n + i], step[i], per_step[i], least[i], most[i]);
}

/* y = x clip((x + 2) / 4, 0, 1);  y = x clip(x + 2, 0, 1);  y = clip(slope x + 1/2, 0, 1) */
VECTOR_CLONES static void NAME(gate_forward)(int kind, REAL slope, ptrdiff_t n, const REAL *restrict x,
                                             REAL *restrict y) {
    const REAL by = kind == GATE_QGELU ? (REAL)0.25 : kind == GATE_HARD_SIGMOID ? slope : (REAL)1;
    const REAL bias = kind == GATE_QGELU_PRINTED ? (REAL)2 : (REAL)0.5;
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL gate = by * x[i] + bias;
        gate = gate > 0 ? gate : 0;
        gate = gate < 1 ? gate : 1;
        y[i] = kind == GATE_HARD_SIGMOID ? gate : x[i] * gate;
    }
}

/* Within the range of the gate d(x gate)/dx = gate + by x; above it 1 (0 for the gate alone), below it 0. */
VECTOR_CLONES static void NAME(gate_backward)(int kind, REAL slope, ptrdiff_t n, const REAL *restrict x,
                                              const REAL *restrict dy, REAL *restrict dx) {
    const REAL by = kind == GATE_QGELU ? (REAL)0.25 : kind == GATE_HARD_SIGMOID ? slope : (REAL)1;
    const REAL bias = kind == GATE_QGELU_PRINTED ? (REAL)2 : (REAL)0.5;
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL gate = by * x[i] + bias;
        REAL within = kind == GATE_HARD_SIGMOID ? by : gate + by * x[i];
        REAL above = kind == GATE_HARD_SIGMOID ? (REAL)0 : (REAL)1;
        dx[i] = dy[i] * (gate <= 0 ? (REAL)0 : gate >= 1 ? above : within);
    }
}
